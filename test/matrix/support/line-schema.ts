export function assertValidLines(_output: string): void {}

/** For bash, zsh and fish alike: nothing in it means anything to the shell. */
export function singleQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

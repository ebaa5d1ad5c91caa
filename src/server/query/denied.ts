/** Questions that the server does not answer to every role. */
import { sqlStateOf } from "./server-errors.ts";
import { SqlState } from "./sqlstate.ts";

export function isDenied(error: unknown): boolean {
  return sqlStateOf(error) === SqlState.insufficientPrivilege;
}

/** Puts the answer into `answers`. If the role may not know it, to read it there throws the server's error. */
export async function answer<Answers extends object, Name extends keyof Answers>(
  answers: Answers,
  name: Name,
  ask: () => Promise<Answers[Name]>,
): Promise<void> {
  try {
    answers[name] = await ask();
  } catch (error) {
    if (!isDenied(error)) throw error;
    Object.defineProperty(answers, name, {
      get: () => {
        throw error;
      },
    });
  }
}

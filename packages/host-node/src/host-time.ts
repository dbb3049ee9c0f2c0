/**
 * A time for Node's `utimes` family, which takes a number below 0 for the present; as a Date it is what it says.
 *
 * @param seconds  since 1970, also before it
 */
export function hostTime(seconds: number): number | Date {
  return seconds < 0 ? new Date(seconds * 1000) : seconds;
}

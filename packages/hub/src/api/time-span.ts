/** Times that requests name: of years that a database has, too. */
import { HubError } from "../store/hub-error.ts";

const YEAR_10000 = Date.UTC(10_000, 0);
const DAY_MS = 86_400_000;

/** @throws HubError 422 */
export function readTime(name: string, text: string): Date {
  // What `Date` reads besides depends on its mood: -1 is a month of 2001, and the 30th of February in March.
  const [date, year, month, day] = /^(\d{4})-(\d\d)-(\d\d)(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d)?)?$/.exec(text) ?? [];
  const isThere = date !== undefined && Number(day) <= new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate();
  const time = new Date(isThere ? text : Number.NaN);
  if (!(time.getTime() >= 0 && time.getTime() < YEAR_10000))
    throw new HubError(422, "bad-span", `${name}: expected a time from 1970 to 9999, such as 2026-11-26T12:00:00Z`);
  return time;
}

/** Up to now, and so many days, where nothing is said. @throws HubError 422 */
export function readSpan(
  query: Readonly<Record<string, string | number | boolean | undefined>>,
  days: number,
): { readonly since: Date; readonly until: Date } {
  const timeOf = (name: "since" | "until"): Date | undefined => {
    const text = query[name];
    return text === undefined || text === "" ? undefined : readTime(name, String(text));
  };
  const until = timeOf("until") ?? new Date();
  const since = timeOf("since") ?? new Date(until.getTime() - days * DAY_MS);
  if (since >= until) throw new HubError(422, "bad-span", "since: expected a time before until");
  return { since, until };
}

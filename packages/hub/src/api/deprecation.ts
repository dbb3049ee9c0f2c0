/** What a route that is to go says of it: RFC 9745 (`Deprecation`), RFC 8594 (`Sunset`), RFC 5829 (its successor). */
import type { ApiRoute } from "./route.ts";

/** @throws Error where the dates are none, or in the wrong order (RFC 9745 §4): a defect of the program */
export function deprecationHeaders({ id, deprecated }: Pick<ApiRoute, "id" | "deprecated">): Record<string, string> {
  if (deprecated === undefined) return {};
  const { since, sunset, successor } = deprecated;
  const [sinceMs, sunsetMs] = [Date.parse(since), sunset === undefined ? Infinity : Date.parse(sunset)];
  if (Number.isNaN(sinceMs) || Number.isNaN(sunsetMs)) throw new Error(`${id}: a date of its deprecation is none`);
  if (sunsetMs < sinceMs) throw new Error(`${id}: it would be gone before it is deprecated`);
  return {
    // A date of structured fields (RFC 9651 §3.3.7): seconds.
    Deprecation: `@${Math.floor(sinceMs / 1_000)}`,
    ...(sunset === undefined ? {} : { Sunset: new Date(sunsetMs).toUTCString() }),
    ...(successor === undefined ? {} : { Link: `</v1${successor}>; rel="successor-version"` }),
  };
}

/**
 * A server's URL as messages may show it. A password that is not encoded as URLs want it may hold colons, slashes and
 * at signs, so it goes up to the last one of these.
 */
export function withoutPassword(place: string): string {
  if (!/^postgres(?:ql)?:\/\//.test(place)) return place;
  return place.replace(/^(\w+:\/\/[^:@/?]*):.*@/, "$1@").replace(/([?&](?:ssl)?password=)[^&]*/g, "$1…");
}

/** Reports of groups: pages load what makes them when an interface that others hear has the first. */
import { GroupReports } from "./group-reports.ts";

export function makeGroupReports(...given: ConstructorParameters<typeof GroupReports>): GroupReports {
  return new GroupReports(...given);
}

/**
 * What makes addresses and groups of a link: pages load it when an address is asked for, ends, or comes from a router,
 * or an interface that others hear has its first group.
 */
import { AddressConfiguration } from "./address-configuration.ts";
import { GroupReports } from "./group-reports.ts";

export function makeAddressConfiguration(
  ...given: ConstructorParameters<typeof AddressConfiguration>
): AddressConfiguration {
  return new AddressConfiguration(...given);
}

export function makeGroupReports(...given: ConstructorParameters<typeof GroupReports>): GroupReports {
  return new GroupReports(...given);
}

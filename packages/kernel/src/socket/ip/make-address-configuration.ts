/** Addresses that are asked for, end, or come from routers: pages load what does it when there is the first. */
import { AddressConfiguration } from "./address-configuration.ts";

export function makeAddressConfiguration(
  ...given: ConstructorParameters<typeof AddressConfiguration>
): AddressConfiguration {
  return new AddressConfiguration(...given);
}

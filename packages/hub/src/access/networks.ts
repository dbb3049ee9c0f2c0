/** Networks by their addresses, as policies and options name them. */
import { BlockList, isIP } from "node:net";
import { HubError } from "../store/hub-error.ts";

/** @throws HubError 422 */
export function networkList(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", bits, ...more] = network.split("/");
    const version = isIP(address);
    const most = version === 4 ? 32 : 128;
    const length = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : -1;
    if (version === 0 || more.length > 0 || length < 0 || length > most)
      throw new HubError(422, "bad-network", `${network}: expected a network, such as 10.0.0.0/8 or fd00::/8`);
    list.addSubnet(address, length, version === 4 ? "ipv4" : "ipv6");
  }
  return list;
}

export function isInNetworks(list: BlockList, address: string): boolean {
  // Who listens on :: sees IPv4 in its clothes (RFC 4291 §2.5.5.2).
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "");
  const version = isIP(plain);
  return version !== 0 && list.check(plain, version === 4 ? "ipv4" : "ipv6");
}

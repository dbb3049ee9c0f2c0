/** TCP over links: pages load what it is made of when the first segment comes or goes. */
import { TcpStack } from "@stratos/netstack/tcp";

export function makeTcpStack(...given: ConstructorParameters<typeof TcpStack>): TcpStack {
  return new TcpStack(...given);
}

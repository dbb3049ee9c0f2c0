/**
 * Stratos for agents: sandboxes as tools of the Model Context Protocol, over standard streams or HTTP. A sandbox is an
 * argument of each tool, so that the protocol needs no sessions; all that a server has made ends with it.
 */
export { type McpOptions, serveOverHttp, serveOverStdio } from "./serve.ts";

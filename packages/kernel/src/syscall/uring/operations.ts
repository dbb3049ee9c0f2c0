/** What a request can be of, by its opcode: all of Linux 6.12's. */
import { COMMAND_OPERATIONS } from "./command-operations.ts";
import { FILE_OPERATIONS } from "./file-operations.ts";
import { NAME_OPERATIONS } from "./name-operations.ts";
import type { OperationTable } from "./operation.ts";
import { RING_OPERATIONS } from "./ring-operations.ts";
import { SOCKET_OPERATIONS } from "./socket-operations.ts";
import { TIMEOUT_OPERATIONS } from "./timeout-operations.ts";

export const OPERATIONS: OperationTable = {
  ...FILE_OPERATIONS,
  ...NAME_OPERATIONS,
  ...SOCKET_OPERATIONS,
  ...TIMEOUT_OPERATIONS,
  ...RING_OPERATIONS,
  ...COMMAND_OPERATIONS,
};

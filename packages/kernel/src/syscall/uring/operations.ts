/** What a request can be of, by its opcode; one that is not here is refused (IORING_OP_URING_CMD: EOPNOTSUPP). */
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
};

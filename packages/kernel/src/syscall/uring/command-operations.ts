/** IORING_OP_URING_CMD, whose only files are sockets. Source: Linux 6.12 io_uring/uring_cmd.c, io_uring_cmd_sock. */
import { AF_INET, AF_INET6, EFAULT, EINVAL, EOPNOTSUPP, SOL_SOCKET, SYSCALL_NUMBERS, isErrno } from "@stratos/abi";
import {
  IORING_OP_URING_CMD,
  SOCKET_URING_OP_GETSOCKOPT,
  SOCKET_URING_OP_SETSOCKOPT,
  SOCKET_URING_OP_SIOCINQ,
  SOCKET_URING_OP_SIOCOUTQ,
} from "@stratos/abi/io-uring";
import { getSocketOption } from "../../socket/socket-options.ts";
import { Socket } from "../../socket/socket.ts";
import { call, refuseUnless, type OperationTable } from "./operation.ts";
import type { Request } from "./request.ts";
import { REQUEST_FD, type RequestTask } from "./request-task.ts";

const SYS_SETSOCKOPT = SYSCALL_NUMBERS.get("setsockopt")!;

function command(task: RequestTask, request: Request): number {
  const { file, thirdAddress: address, fileIndex: length } = request;
  if (!(file instanceof Socket)) return -EOPNOTSUPP;
  const isInternet = file.family === AF_INET || file.family === AF_INET6;
  const { addressLow: level, addressHigh: name } = request;
  switch (request.offsetLow) {
    case SOCKET_URING_OP_SIOCINQ:
      return !isInternet ? -EOPNOTSUPP : file.isListening ? -EINVAL : file.available();
    case SOCKET_URING_OP_SIOCOUTQ:
      return !isInternet ? -EOPNOTSUPP : file.isListening ? -EINVAL : file.unsent;
    case SOCKET_URING_OP_GETSOCKOPT: {
      if (level !== SOL_SOCKET) return -EOPNOTSUPP;
      const value = getSocketOption(file, task, name, length);
      if (isErrno(value)) return value;
      const count = Math.min(length, value.length);
      return task.space.copyOut(address, value, 0, count) < 0 ? -EFAULT : count;
    }
    case SOCKET_URING_OP_SETSOCKOPT:
      return call(task, SYS_SETSOCKOPT, REQUEST_FD, level, name, address, length);
    default:
      return -EOPNOTSUPP;
  }
}

export const COMMAND_OPERATIONS: OperationTable = {
  [IORING_OP_URING_CMD]: {
    needsFile: true,
    isPolled: true,
    prepare: ({ offsetHigh, operationFlags }) => refuseUnless(offsetHigh === 0 && operationFlags === 0),
    run: command,
  },
};

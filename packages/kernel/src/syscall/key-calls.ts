/** keyrings(7): its system calls; what they do is in key-requests.ts, which pages load when it is asked for. */
import { addKey, keyctl, requestKey } from "./key-requests.ts";
import type { SyscallTable } from "./syscall-table.ts";

export const keyCalls: SyscallTable = {
  add_key: {
    run: (task, type, description, payload, length, ring) => addKey(task, type, description, payload, length, ring | 0),
    gaps: "types `keyring`, `user`, `logon` and `big_key`; 32,768 keys in a machine",
  },
  request_key: {
    run: (task, type, description, callout, ring) => requestKey(task, type, description, callout, ring | 0),
  },
  keyctl: {
    run: keyctl,
    gaps: "no Diffie-Hellman, no operations with public keys, no notifications",
  },
};

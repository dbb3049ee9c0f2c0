import type { FsCaller, FsKernel } from "../fs/fs-kernel.ts";
import type { SocketKernel } from "../socket/socket-kernel.ts";
import type { UnixCaller } from "../socket/unix/unix-socket.ts";

/** HostServices, as listeners and connections see them. */
interface ServicesOfCaller {
  readonly listeners: Map<string, { end(): void }>;
  readonly records: ReadonlyMap<string, Uint8Array>;
}

/** Who serves programs of the guest from outside: init, by whose rights and names the host goes. */
export interface HostServiceCaller extends FsCaller, UnixCaller {
  readonly kernel: FsKernel & SocketKernel & { readonly hostServices: ServicesOfCaller };
}

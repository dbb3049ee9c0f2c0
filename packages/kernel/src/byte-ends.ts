/** Where the bytes go that are written to an open file, and where those come from that are read, for who looks on. */
import { S_IFMT, S_IFREG } from "@stratos/abi";
import { textOfIp } from "@stratos/netstack";
import { HostFs } from "./fs/hostfs/hostfs.ts";
import { PipeFile } from "./fs/pipe/pipe-file.ts";
import { InetSocket } from "./socket/inet/inet-socket.ts";
import { UnixSocket } from "./socket/unix/unix-socket.ts";
import { isHostStream } from "./tty/host-stream.ts";
import { TerminalFile } from "./tty/terminal-file.ts";
import type { Inode } from "./vfs/inode.ts";
import type { OpenFile } from "./vfs/open-file.ts";

export type ByteEnd =
  | { readonly kind: "file" | "host-file"; readonly inode: Inode }
  /** What is written under a key is read in the same order under the same one. */
  | {
      readonly kind: "stream";
      readonly key: object | string;
      readonly name: string;
      /** Address and port of who sends, of a connection that may come from outside. */
      readonly sender: string | null;
    }
  /** Streams of the host, terminals, and what makes up its bytes. */
  | { readonly kind: "host" | "terminal" | "other" };

export function byteEnd(file: OpenFile, direction: "read" | "written"): ByteEnd {
  if (file instanceof PipeFile) return { kind: "stream", key: file.pipe, name: "a pipe", sender: null };
  if (file instanceof UnixSocket) {
    const key = direction === "read" ? file : file.peerSocket;
    return key === null ? { kind: "other" } : { kind: "stream", key, name: "a Unix socket", sender: null };
  }
  if (file instanceof InetSocket) {
    const { local, peer, protocol } = file;
    if (local === null || peer === null) return { kind: "other" };
    const [from, to] = (direction === "read" ? [peer, local] : [local, peer]).map(
      ({ ip, port }) => `${textOfIp(ip)}:${port}`,
    );
    const name = `a connection from ${from} to ${to}`;
    return { kind: "stream", key: `${protocol} ${from} ${to}`, name, sender: from! };
  }
  if (file instanceof TerminalFile) return { kind: "terminal" };
  if (isHostStream(file)) return { kind: "host" };
  const inode = file.contentInode;
  if (inode === null || (inode.mode & S_IFMT) !== S_IFREG || inode.pages === null) return { kind: "other" };
  return { kind: inode.fileSystem instanceof HostFs ? "host-file" : "file", inode };
}

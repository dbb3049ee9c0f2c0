/**
 * The program of a worker, as one script that is loaded by one request, and beside it parts that are loaded when they
 * are first called (host-browser/src/worker-parts.ts). A part begins at a module that exports functions alone. Sources
 * stay as they are: the module is put in place of by functions that load it.
 *
 *     worker.ts ──► esbuild, in pieces ──► entry, chunks ──► esbuild ──► worker-HASH.js   has what parts share with it
 *                                          part, chunks  ──► esbuild ──► part-HASH.js     takes that from the worker
 */
import type { BuildOptions, Plugin } from "esbuild";
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";

/** Where parts begin: functions of theirs that others call, by the module. */
const PARTS: Readonly<Record<string, readonly string[]>> = {
  "display/src/make-sound-server.ts": ["makeSoundServer"],
  "kernel/src/block/block-ioctl.ts": ["blockIoctl"],
  "kernel/src/block/loop/loop-ioctl.ts": ["loopIoctl"],
  "kernel/src/cgroup/child-group-files.ts": ["childGroupFiles"],
  "kernel/src/fs/fuse/make-fuse.ts": ["makeFuse", "openFuseDevice"],
  "kernel/src/fs/ext4/ext4-mount.ts": ["ext4OptionNames", "mountExt4"],
  "kernel/src/fs/image/mount-image.ts": ["imageOptionNames", "mountImage"],
  "kernel/src/fs/overlay/overlay.ts": ["mountOverlay"],
  "kernel/src/ipc/semaphore-operations.ts": [
    ...["alters", "controlOne", "noteBlocked", "perform", "serveWaits", "transferAll"],
  ],
  "kernel/src/mm/memory-lock.ts": ["lockMemory", "unlockMemory", "lockAllMemory", "unlockAllMemory"],
  "kernel/src/mm/userfault-file.ts": ["openUserfault"],
  "kernel/src/procfs/kernel-config.ts": ["compressedConfiguration"],
  "kernel/src/procfs/net-statistics.ts": [
    "describeFurther",
    "describePacketWork",
    "describeProtocols",
    "describeProtocols6",
  ],
  "kernel/src/procfs/sysctl.ts": ["addSettings"],
  "kernel/src/socket/inet/group-membership.ts": [
    ...[
      "wayToGroup",
      "changeMembership",
      "changeSources",
      "setFilter",
      "getFilter",
      "admitsSource",
      "groupInterfaceOf",
    ],
  ],
  "kernel/src/socket/inet/make-raw-socket.ts": ["makeRawSocket"],
  "kernel/src/socket/interface-ioctl.ts": ["interfaceIoctl"],
  "kernel/src/socket/interface-properties.ts": [
    ...["setMaster", "renameInterface", "setMtu", "setAlias", "setHardwareAddress", "replaceV4"],
    ...["mtuBounds", "packetSizeMax", "setPacketSize"],
  ],
  "kernel/src/socket/ip/make-link-configuration.ts": ["makeAddressConfiguration", "makeGroupReports"],
  "kernel/src/socket/ip/make-tcp.ts": ["makeTcpStack", "makeUplink"],
  "kernel/src/socket/make-netfilter.ts": ["makeNetfilter"],
  "kernel/src/socket/new-interfaces.ts": ["createBridge", "createDummy", "createTun", "createVethPair"],
  "kernel/src/socket/netlink/netlink-socket.ts": ["createNetlinkSocket"],
  "kernel/src/socket/packet/make-packet-socket.ts": ["makePacketSocket"],
  "kernel/src/socket/tun/tun-file.ts": ["openTun"],
  "kernel/src/syscall/asynchronous-requests.ts": [
    ...["ioSetup", "ioDestroy", "ioSubmit", "ioGetEvents", "ioGetEventsMasked", "ioCancel"],
    ...["setupRing", "enterRing", "enterInterrupted", "registerRing"],
  ],
  "kernel/src/syscall/bpf-requests.ts": ["bpf"],
  "kernel/src/syscall/compare-requests.ts": ["compare"],
  "kernel/src/syscall/fanotify-requests.ts": ["initFanotify", "markFanotify"],
  "kernel/src/syscall/key-requests.ts": ["addKey", "requestKey", "keyctl"],
  "kernel/src/socket/landlock-port.ts": ["checkLandlockPort"],
  "kernel/src/syscall/landlock-requests.ts": ["createRuleset", "addRule", "restrictSelf"],
  "kernel/src/sysfs/fuse-control.ts": ["makeFuseControl"],
  "kernel/src/task/account-process.ts": ["accountProcess", "acct", "compressed"],
  "kernel/src/task/call-dispatch.ts": ["setCallDispatch", "takesCall"],
  "kernel/src/vfs/landlock-paths.ts": [
    ...["checkLandlock", "checkLandlockChange", "checkLandlockOpening", "checkLandlockMove"],
  ],
  "kernel/src/syscall/memory-map-calls.ts": ["setMemoryMap"],
  "kernel/src/syscall/mount-reports.ts": ["listmount", "statmount"],
  "kernel/src/syscall/numa-requests.ts": ["setPolicy", "getPolicy", "bind", "migratePages", "movePages"],
  "kernel/src/syscall/ptrace-requests.ts": ["ptrace"],
  "kernel/src/syscall/seccomp-requests.ts": ["seccomp", "setSeccompMode", "readFilter", "readFilterMetadata"],
  "kernel/src/task/control-group-changes.ts": [
    ...["moveProcess", "moveThread", "makeThreaded", "setGroupHarts", "freezeGroup", "killGroup"],
    ...["changeDelegation", "makeGroup", "removeGroup"],
  ],
  "kernel/src/task/threaded-groups.ts": ["typeOf", "mayBeThreaded", "mayEnter", "mayDelegate"],
  "kernel/src/task/core-dump/core-dump.ts": ["endWithCore", "continueCoreDump"],
  "kernel/src/task/enter-namespaces.ts": ["unshare", "setNamespaces", "namespaceRequest"],
  "kernel/src/task/pidfd-requests.ts": ["pidfdRequest"],
  "kernel/src/task/requeue-pi.ts": ["waitRequeuePi", "requeuePi"],
  "kernel/src/vfs/fiemap.ts": ["mapExtents"],
  "kernel/src/vfs/file-flags-ioctl.ts": ["flagsIoctl"],
  "machine/src/saved-machine.ts": ["saveMachineInPieces", "loadMachine", "portsOf", "namingHolders"],
  "sdk/src/file-trees.ts": ["copyFiles", "packFolder", "unpackFolder"],
  "wayland/src/x11/window-manager.ts": ["manageWindows", "isSavedWindowManager"],
};

const IN_PART = "?part";
/** What the first pass leaves of `import()`: the name of the file. */
const LATER = /import\("\.\/([\w-]+\.js)"\)/g;

/** In place of a part's first module. */
const later: Plugin = {
  name: "parts that are loaded later",
  setup(build) {
    const loader = fileURLToPath(import.meta.resolve("@stratos/host-browser/worker-parts"));
    build.onResolve({ filter: /\?part$/ }, ({ path }) => {
      return { path: path.slice(0, -IN_PART.length), namespace: "part" };
    });
    build.onLoad({ filter: /\.ts$/, namespace: "part" }, async ({ path }) => {
      const { readFile } = await import("node:fs/promises");
      return { contents: await readFile(path, "utf8"), loader: "ts", resolveDir: dirname(path) };
    });
    const names = Object.keys(PARTS).map((name) => name.replaceAll(".", String.raw`\.`));
    build.onLoad({ filter: new RegExp(`/(?:${names.join("|")})$`) }, ({ path }) => {
      const functions = Object.entries(PARTS).find(([name]) => path.endsWith(`/${name}`))![1];
      const from = JSON.stringify(path + IN_PART);
      const made = functions.map(
        (name) => `export const ${name} = (...given) => partNow(import(${from})).${name}(...given);`,
      );
      const contents = `import { partNow } from ${JSON.stringify(loader)};\n${made.join("\n")}`;
      return { contents, loader: "js", resolveDir: dirname(path) };
    });
  },
};

/** @returns the worker's script first, then its parts */
export async function joinWorker(entry: string, options: BuildOptions): Promise<Map<string, Uint8Array>> {
  const { build } = await import("esbuild");
  const pieces = await build({
    ...options,
    entryPoints: [entry],
    splitting: true,
    write: false,
    entryNames: "[name]-[hash]",
    chunkNames: "part-[name]-[hash]",
    plugins: [later, ...(options.plugins ?? [])],
  });
  const texts = new Map<string, string>();
  const parts = new Set<string>();
  for (const { path, text } of pieces.outputFiles)
    texts.set(
      basename(path),
      text.replace(LATER, (_, name: string) => {
        parts.add(name);
        return JSON.stringify(name);
      }),
    );
  const shared = [...texts.keys()].filter((name) => name.startsWith("part-chunk-"));
  const first = [...texts.keys()].find((name) => !parts.has(name) && !shared.includes(name))!;
  const script = async (contents: string, plugin: Plugin): Promise<Uint8Array> => {
    const { outputFiles } = await build({
      ...options,
      stdin: { contents, resolveDir: options.absWorkingDir! },
      entryPoints: [],
      format: "iife",
      // Of a classic script there is none; what asks for it is told where else things are.
      define: { "import.meta.url": "self.location.href" },
      write: false,
      plugins: [plugin],
    });
    return outputFiles[0]!.contents;
  };
  const own = `globalThis.stratosPartNames = ${JSON.stringify([...parts])};`;
  const taken = shared.map((name, at) => `import * as chunk${at} from "./${name}";`);
  const given = shared.map((name, at) => `${JSON.stringify(name)}: chunk${at}`);
  const main = `import "./${first}"; ${taken.join(" ")} ${own} globalThis.stratosShared = { ${given.join(", ")} };`;
  const files = new Map([[first, await script(main, piecesOf(texts, new Set()))]]);
  for (const name of parts) {
    const put = `(globalThis.stratosParts ??= {})[${JSON.stringify(name)}] = part;`;
    const contents = `import * as part from "./${name}"; ${put}`;
    files.set(name, await script(contents, piecesOf(texts, new Set(shared))));
  }
  return files;
}

/** @param others  that the worker has, and gives */
function piecesOf(texts: ReadonlyMap<string, string>, others: ReadonlySet<string>): Plugin {
  return {
    name: "pieces",
    setup(build) {
      build.onResolve({ filter: /^\.\/[\w-]+\.js$/ }, ({ path }) => ({ path: path.slice(2), namespace: "piece" }));
      build.onLoad({ filter: /./, namespace: "piece" }, ({ path }) => ({
        contents: others.has(path)
          ? `module.exports = globalThis.stratosShared[${JSON.stringify(path)}];`
          : texts.get(path)!,
        loader: "js",
      }));
    },
  };
}

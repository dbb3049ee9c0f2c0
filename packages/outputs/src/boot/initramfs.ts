/**
 * A minimal first root for Linux: the modules that the root's disk and file system need, a shell, and a script that
 * mounts the root and goes there, or, in a root of OSTree, to the system that `ostree=` names. Programs come from the
 * tree itself: busybox when it has it, else its own shell, mount, findfs, switch_root and insmod with their libraries.
 * The result is a function of the tree.
 */
import { concatBytes } from "@stratos/base";
import { cpioArchive, FormatError, type Codecs, type FileTree } from "@stratos/formats";
import { TreeDraft } from "../tree/tree-draft.ts";
import { librariesOf } from "./elf-libraries.ts";
import { loadOrder, readModules } from "./kernel-modules.ts";
import { TreePaths } from "../tree/tree-paths.ts";

/** For disks of virtual machines and ordinary computers; what a kernel does not have is left out. */
const MODULES = [
  "virtio_pci",
  "virtio_mmio",
  "virtio_blk",
  "virtio_scsi",
  "sd_mod",
  "sr_mod",
  "ahci",
  "nvme",
  "xhci_pci",
  "usb_storage",
  "uas",
  "mmc_block",
  "sdhci_pci",
  "crc32c_generic",
  "crc32c_intel",
  "ext4",
  "btrfs",
  "xfs",
  "erofs",
  "squashfs",
  "isofs",
  "overlay",
  "loop",
  "nls_ascii",
  "nls_cp437",
  "vfat",
] as const;
const PROGRAMS = ["sh", "mount", "findfs", "switch_root", "insmod", "sleep", "mkdir"] as const;
/** util-linux's findfs. */
const PARTITION_FINDER = "find-partition";
const PLACES = ["usr/bin", "bin", "usr/sbin", "sbin"] as const;

/**
 * What stands between the first root and the root: hashes that vouch for it, its encryption, the volumes that it is one
 * of.
 */
export type RootSeal = "verity" | "luks" | "lvm";
/** What opens each, with the modules that it needs. Ciphers and digests that the kernel has built in are left out. */
const OPENERS: Readonly<
  Record<RootSeal, { readonly program: string; readonly package: string; readonly modules: readonly string[] }>
> = {
  lvm: { program: "lvm", package: "lvm2", modules: ["dm_mod"] },
  verity: { program: "veritysetup", package: "cryptsetup-bin", modules: ["dm_mod", "sha256_generic", "dm_verity"] },
  luks: {
    program: "cryptsetup",
    package: "cryptsetup-bin",
    modules: ["dm_mod", "sha256_generic", "aes_generic", "aesni_intel", "aes_arm64", "cryptd", "xts", "dm_crypt"],
  },
};

export interface InitramfsOptions {
  readonly kernel: string;
  /** further modules */
  readonly modules?: readonly string[];
  readonly seals?: readonly RootSeal[];
  /** the root is named by its partition */
  readonly findsPartitions?: boolean;
  /** the root's partition becomes larger while its encryption is open */
  readonly grows?: boolean;
  readonly mtime: number;
}

/** @returns the archive, not packed. @throws FormatError when the tree has not what it takes */
export function initramfs(tree: FileTree, options: InitramfsOptions, codecs: Pick<Codecs, "sha256">): Uint8Array {
  const paths = new TreePaths(tree);
  const draft = new TreeDraft(null, codecs, options.mtime);
  for (const folder of ["dev", "proc", "sys", "run", "sysroot", "bin", "modules", "tmp", "etc"])
    draft.directory(folder);
  const busybox = paths.firstFile(PLACES.map((place) => `${place}/busybox`));
  const copy = (from: string, to: string): void => {
    const entry = paths.resolve(from);
    if (entry?.kind !== "file") throw new FormatError(`${from}: is not in the tree`);
    draft.put({ ...entry, path: to, mtime: options.mtime, xattrs: new Map() });
  };
  const copyProgram = (program: string, found: string): void => {
    copy(found, `bin/${program}`);
    for (const library of librariesOf(found, paths)) if (!draft.has(library)) copy(library, library);
  };
  if (busybox !== undefined) {
    copy(busybox, "bin/busybox");
    for (const program of PROGRAMS) draft.symlink(`bin/${program}`, "busybox");
    for (const library of librariesOf(busybox, paths)) copy(library, library);
  } else {
    for (const program of PROGRAMS) {
      const found = paths.firstFile(PLACES.map((place) => `${place}/${program}`));
      if (found === undefined)
        throw new FormatError(
          `an initramfs needs busybox, or ${program}, and the tree has neither; install busybox-static`,
        );
      // kmod is many programs, by the name it is called.
      copyProgram(program, found);
    }
  }
  const seals = options.seals ?? [];
  // busybox's findfs knows no partitions by their own identity.
  for (const program of [
    ...seals.map((seal) => OPENERS[seal].program),
    ...(seals.length > 0 || options.findsPartitions === true ? ["findfs"] : []),
  ]) {
    const found = paths.firstFile(["usr/sbin", "sbin"].map((place) => `${place}/${program}`));
    if (found === undefined)
      throw new FormatError(
        `to reach the root takes ${program}, which the tree does not have; install ` +
          `${Object.values(OPENERS).find((opener) => opener.program === program)?.package ?? "util-linux"}`,
      );
    // busybox's shell takes its own programs before those in PATH, but for a path.
    copyProgram(program === "findfs" ? PARTITION_FINDER : program, found);
  }
  const all: string[] = [];
  for (const { path } of tree.entries()) all.push(path);
  const modules = readModules(paths, all, options.kernel);
  const order = loadOrder(modules, [
    ...MODULES,
    ...seals.flatMap((seal) => OPENERS[seal].modules),
    ...(options.modules ?? []),
  ]);
  const names = order.map((file) => file.slice(file.lastIndexOf("/") + 1));
  order.forEach((file, index) => copy(file, `modules/${names[index]!}`));
  draft.file("modules/order", names.map((name) => `${name}\n`).join(""));
  draft.file("init", initScript(options.grows === true ? "--disable-keyring" : ""), { mode: 0o755 });
  // Each piece is only valid until the next one.
  return concatBytes(Array.from(cpioArchive(draft.tree()), (piece) => piece.slice()));
}

/**
 * What runs first. It reads the kernel's command line: root=, rootfstype=, rootflags=, ro or rw, init=, ostree=,
 * panic=. What it does for the last is what ostree-prepare-root(1) does: the system becomes the root, its /usr cannot
 * be written, its /var is that of all systems of its name, and the disk's own root is seen at /sysroot.
 *
 * @param opening  words of cryptsetup(8). A volume key in a keyring is gone with the process that has put it there, and
 *   crypt_resize() of systemd-growfs(8) wants it: with --disable-keyring the kernel's device alone has it.
 */
const initScript = (opening: string): string => `#!/bin/sh
export PATH=/bin
fail() {
  echo "initramfs: $*" > /dev/console
  # With panic=SECONDS nobody is there to ask: the loader may know another system.
  if [ -n "$panic" ]; then
    sleep "$panic"
    echo b > /proc/sysrq-trigger
  fi
  echo "initramfs: a shell, as the root could not be reached" > /dev/console
  exec sh < /dev/console > /dev/console 2>&1
}
# 32 digits as a UUID has them.
as_uuid() {
  rest="$1" text=
  for length in 8 4 4 4 12; do
    part="$rest"
    while [ "\${#part}" -gt "$length" ]; do part="\${part%?}"; done
    text="\${text:+$text-}$part"
    rest="\${rest#"$part"}"
  done
  echo "$text"
}
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
root= type= flags= mode=ro init= live= ostree= panic= roothash= luks= volume=
read -r line < /proc/cmdline
for word in $line; do
  case "$word" in
    root=*) root="\${word#root=}" ;;
    rootfstype=*) type="\${word#rootfstype=}" ;;
    rootflags=*) flags="\${word#rootflags=}" ;;
    ostree=*) ostree="\${word#ostree=}" ;;
    roothash=*) roothash="\${word#roothash=}" ;;
    rd.luks.name=*) luks="\${word#rd.luks.name=}" ;;
    rd.lvm.lv=*) volume="\${word#rd.lvm.lv=}" ;;
    stratos.live=*) live="\${word#stratos.live=}" ;;
    panic=*) panic="\${word#panic=}" ;;
    init=*) init="\${word#init=}" ;;
    ro) mode=ro ;;
    rw) mode=rw ;;
  esac
done
while read -r module; do
  insmod "/modules/$module" 2> /dev/null
done < /modules/order
[ -n "$root" ] || fail "the command line names no root"
finder=findfs
[ ! -x /bin/${PARTITION_FINDER} ] || finder=/bin/${PARTITION_FINDER}
# Leaves in $device what $1 names, once it is there.
wait_for() {
  device=
  tries=0
  while [ "$tries" -lt 100 ]; do
    # No other volume: what is made here without udev, the system's udev takes for unfinished.
    [ -z "$volume" ] || /bin/lvm lvchange -qq -ay --sysinit "$volume" --config 'activation { udev_sync=0 udev_rules=0 \
}' > /dev/null 2>&1
    case "$1" in
      UUID=*|LABEL=*|PARTUUID=*|PARTLABEL=*) device="$($finder "$1" 2> /dev/null)" ;;
      *) [ -b "$1" ] && device="$1" ;;
    esac
    [ -n "$device" ] && [ -b "$device" ] && return
    tries=$((tries + 1))
    sleep 0.1 2> /dev/null || sleep 1
  done
  fail "$1 is not there"
}
# Nobody but ourselves makes the nodes of mapped devices here.
export DM_DISABLE_UDEV=1
if [ -n "$roothash" ]; then
  # Both halves of the hash are the identities of the partitions that it is of.
  half="\${roothash%????????????????????????????????}"
  other="\${roothash#"$half"}"
  wait_for "PARTUUID=$(as_uuid "$half")"
  data="$device"
  wait_for "PARTUUID=$(as_uuid "$other")"
  veritysetup open "$data" root "$device" "$roothash" || fail "$data is not what $roothash vouches for"
fi
opening=${opening}
if [ -n "$luks" ]; then
  wait_for "UUID=\${luks%%=*}"
  if [ -f "/keys/\${luks%%=*}" ]; then
    cryptsetup open $opening --key-file "/keys/\${luks%%=*}" "$device" "\${luks#*=}" || fail "$device cannot be \
opened by its key"
  else
    # The prompt has the device alone.
    part=
    while IFS='=' read -r key value; do
      [ "$key" != PARTNAME ] || part=" (partition $value)"
    done < "/sys/class/block/\${device##*/}/uevent"
    echo "initramfs: disk \${luks#*=}$part is encrypted" > /dev/console
    cryptsetup open $opening --tries 5 "$device" "\${luks#*=}" < /dev/console > /dev/console 2>&1 || fail "$device \
was not opened"
  fi
fi
wait_for "$root"
if [ -n "$live" ]; then
  # The medium holds the root as an image; changes live in memory.
  mkdir -p /run/medium /run/image /run/changes
  mount -o ro "$device" /run/medium || fail "$device cannot be mounted"
  mount -o loop,ro "/run/medium/$live" /run/image || fail "$live cannot be mounted"
  mount -t tmpfs tmpfs /run/changes && mkdir -p /run/changes/upper /run/changes/work || fail "no memory for changes"
  mount -t overlay -o lowerdir=/run/image,upperdir=/run/changes/upper,workdir=/run/changes/work overlay /sysroot || \
fail "no overlay"
else
  # ostree's own services make what they must not change read-only later.
  [ -z "$ostree" ] || mode=rw
  mount -o "$mode\${flags:+,$flags}" \${type:+-t "$type"} "$device" /sysroot || fail "$device cannot be mounted"
fi
move() {
  mount --move "$1" "$2" 2> /dev/null || mount -o move "$1" "$2"
}
# The system below $1 that ostree= ($2) leads to. ostree makes boot.0 and boot.1 by turns: a loader that does not know
# its last deployment names the other one, in which the same kernel has its systems, the newest first.
deployment() {
  case "$2" in
    /ostree/boot.0/*) other="/ostree/boot.1/\${2#/ostree/boot.0/}" ;;
    /ostree/boot.1/*) other="/ostree/boot.0/\${2#/ostree/boot.1/}" ;;
    *) other="$2" ;;
  esac
  { cd "$1$2" || cd "$1$other"; } 2> /dev/null && pwd -P
}
if [ -n "$ostree" ]; then
  system="$(deployment /sysroot "$ostree")" || fail "$ostree is not on the root"
  mkdir -p /system
  mount -o bind "$system" /system && mount -o bind /system/usr /system/usr && mount -o remount,bind,ro /system/usr || \
fail "$ostree cannot be mounted"
  mount -o bind "\${system%/deploy/*}/var" /system/var || fail "$ostree has no /var"
  move /sysroot /system/sysroot || fail "the root cannot be moved below $ostree"
  # Where ostree writes down what is to be started.
  [ ! -L /system/sysroot/boot/loader ] || mount -o bind /system/sysroot/boot /system/boot || fail "/boot cannot be \
mounted"
  move /system /sysroot
  mount -t tmpfs -o mode=0755 tmpfs /run
  : > /run/ostree-booted
  move /run /sysroot/run
fi
if [ -z "$init" ]; then
  for init in /sbin/init /usr/sbin/init /lib/systemd/systemd /usr/lib/systemd/systemd /bin/sh; do
    [ -x "/sysroot$init" ] || [ -L "/sysroot$init" ] && break
  done
fi
for place in proc sys dev; do move "/$place" "/sysroot/$place"; done
exec switch_root /sysroot "$init"
fail "$init cannot be run"
`;

/**
 * What tells a system of its partitions: /etc/fstab, /etc/crypttab, repart.d(5), and the names by which all of them
 * call a file system.
 */
import { TreePaths } from "../tree/tree-paths.ts";
import type { BootArchitecture } from "../boot/boot-files.ts";
import type { TreeDraft } from "../tree/tree-draft.ts";
import { PartitionError, tableEntry, volumeGroupOf, type DiskPartition } from "./partition-table.ts";

/** What the first root opens the root as. */
const MAPPED_ROOT = "/dev/mapper/root";
/** Of systemd, also as older ones have it, and of Debian's own scripts. */
const OPENERS = ["usr/bin/systemd-cryptsetup", "usr/lib/systemd/systemd-cryptsetup", "usr/sbin/cryptdisks_start"];
const KEY_FOLDER = "etc/cryptsetup-keys.d";

/** What a partition's file system is called by. squashfs has no identity of its own. */
export function sourceOf(one: DiskPartition, { all, uuids, id }: MountSettings): string {
  const group = all.find(({ volumes }) => volumes?.includes(one) === true);
  if (group !== undefined) return `/dev/mapper/${volumeGroupOf(group)}-${one.name}`;
  if (one.hasVerity === true || one.encryption !== undefined) return mappedName(one);
  return one.fileSystem === "squashfs" ? `PARTUUID=${one.uuid ?? partitionId(one, id)}` : `UUID=${uuids.get(one)!}`;
}

/** An opened partition's device. */
export function mappedName({ name, mount }: DiskPartition): string {
  return mount === "/" ? MAPPED_ROOT : `/dev/mapper/${name}`;
}

export function luksId({ name }: DiskPartition, id: (what: string) => string): string {
  return id(`encryption ${name}`);
}

/** What is opened at boot, and by what. Source: crypttab(5). */
export function writeCrypttab(
  draft: TreeDraft,
  partitions: readonly DiskPartition[],
  id: (what: string) => string,
): void {
  const encrypted = partitions.filter(({ encryption }) => encryption !== undefined);
  if (encrypted.length === 0) return;
  // systemd makes units of what crypttab says, though what they start is in a package of its own.
  if (new TreePaths(draft.tree()).firstFile(OPENERS) === undefined)
    throw new PartitionError(
      encrypted[0]!.name,
      "encrypt",
      "nothing in the image opens what /etc/crypttab names; the package systemd-cryptsetup does",
    );
  const lines = ["# <name> <device> <key> <options>"];
  for (const one of encrypted) {
    const key = `${KEY_FOLDER}/${one.name}.key`,
      keeps = one.encryption!.keepsKey === true;
    if (keeps) {
      draft.directory(KEY_FOLDER, { mode: 0o700 });
      draft.file(key, one.encryption!.secret, { mode: 0o600 });
    }
    lines.push(
      `${mappedName(one).slice("/dev/mapper/".length)} UUID=${luksId(one, id)} ${keeps ? `/${key}` : "none"} ` +
        "luks,discard",
    );
  }
  draft.file("etc/crypttab", `${lines.join("\n")}\n`);
}

const ACTIVATION_UNIT = "encrypted-volume-group.service";

/**
 * Volumes beside the root in the group that the first root has opened. It has made the opened device without udev,
 * whose rules take that for unfinished, and look for no volumes on it (10-dm.rules, 69-lvm.rules): without this they
 * would be waited for in vain.
 */
export function writeActivation(draft: TreeDraft, group: string): void {
  const folder = "etc/systemd/system";
  draft.file(
    `${folder}/${ACTIVATION_UNIT}`,
    `[Unit]
Description=Volumes of ${group} beside the root
DefaultDependencies=no
Wants=local-fs-pre.target
After=systemd-udevd.service
Before=local-fs-pre.target shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/lvm vgchange -aay ${group}

[Install]
WantedBy=sysinit.target
`,
  );
  draft.symlink(`${folder}/sysinit.target.wants/${ACTIVATION_UNIT}`, `../${ACTIVATION_UNIT}`);
}

export function partitionId({ name }: DiskPartition, id: (what: string) => string): string {
  return id(`partition ${name}`);
}

interface MountSettings {
  /** partitions and the volumes in them */
  readonly all: readonly DiskPartition[];
  readonly uuids: ReadonlyMap<DiskPartition, string>;
  readonly id: (what: string) => string;
}

/**
 * /etc/fstab, where the root does not say itself what is mounted, and what systemd-repart(8) is told of a disk that has
 * become larger.
 */
export function writeTables(
  draft: TreeDraft,
  {
    partitions,
    architecture,
    name,
  }: { readonly partitions: readonly DiskPartition[]; readonly architecture: BootArchitecture; readonly name: string },
  settings: MountSettings,
): void {
  const source = (one: DiskPartition): string => sourceOf(one, settings);
  const own = (draft.text("etc/fstab") ?? "").split("\n").some((line) => line.trim() !== "" && !line.startsWith("#"));
  if (!own) {
    const lines = ["# <file system> <mount point> <type> <options> <dump> <pass>"];
    // A folder is mounted before those in it.
    const mounted = settings.all
      .filter(({ mount, inFstab }) => mount !== undefined && inFstab !== false)
      .sort((left, right) => (left.mount! < right.mount! ? -1 : 1));
    for (const one of mounted) {
      const { fileSystem, mount, hasVerity } = one,
        isRoot = mount === "/";
      lines.push(
        `${source(one)} ${mount!.replaceAll(" ", "\\040")} ${fileSystem} ${mountOptions(one)} 0 ` +
          `${hasVerity === true || (fileSystem !== "ext4" && fileSystem !== "vfat") ? 0 : isRoot ? 1 : 2}`,
      );
    }
    for (const one of settings.all)
      if (one.fileSystem === "swap" && one.inFstab !== false)
        lines.push(`${source(one)} none swap ${one.options ?? "sw"} 0 0`);
    draft.file("etc/fstab", `${lines.join("\n")}\n`);
  }
  const holder = partitions.find(({ fileSystem }) => fileSystem === "lvm");
  if (holder !== undefined && new TreePaths(draft.tree()).firstFile(["usr/sbin/lvm"]) === undefined)
    throw new PartitionError(
      holder.name,
      "filesystem",
      `nothing in ${name} finds volumes of LVM; the package lvm2 does`,
    );
  const grows = partitions.find((one) => one.grows === true);
  if (grows === undefined) return;
  const paths = new TreePaths(draft.tree());
  if (paths.firstFile(["usr/bin/systemd-repart", "usr/bin/growpart"]) === undefined)
    throw new PartitionError(
      grows.name,
      "grow",
      `nothing in ${name} makes a partition larger; the package systemd-repart does`,
    );
  partitions.forEach((one, index) => {
    const { type } = tableEntry(one, { start: 0, size: 0, id: "" }, architecture);
    const sizes = one.grows === true ? "GrowFileSystem=yes\n" : "Weight=0\nPaddingWeight=0\n";
    draft.file(
      `etc/repart.d/${String(index * 10 + 10).padStart(3, "0")}-${one.name}.conf`,
      "# Of the treefile: the disk's partitions, which systemd-repart finds again by type and in this order.\n" +
        `[Partition]\nType=${type}\nLabel=${one.label ?? one.name}\n${sizes}`,
    );
  });
}

function mountOptions({ fileSystem, mount, options, isReadOnly, grows }: DiskPartition): string {
  const usual =
    fileSystem === "vfat" ? "umask=0077" : fileSystem === "ext4" && mount === "/" ? "errors=remount-ro" : "defaults";
  const never = isReadOnly === true || fileSystem === "erofs" || fileSystem === "squashfs";
  const words = [
    ...(options ?? (never ? "" : usual)).split(","),
    ...(never ? ["ro"] : []),
    ...(grows === true ? ["x-systemd.growfs"] : []),
  ].filter((word) => word !== "");
  return [...new Set(words)].join(",");
}

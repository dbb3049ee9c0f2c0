/**
 * What is written on each partition: a file system with its share of the tree, swap, volumes, and all of these within
 * encryption.
 */
import { byteStringToUtf8 } from "@stratos/base";
import {
  DiskWindow,
  FatVolume,
  fileEntry,
  FormatError,
  LUKS_DATA_OFFSET,
  LVM_DATA_OFFSET,
  LVM_EXTENT,
  MemoryDisk,
  placeVolumes,
  readBlob,
  sealLuks,
  uuidBytes,
  writeSquashfs,
  writeSwap,
  writeVolumeGroup,
  type Codecs,
  type Disk,
  type DiskCipher,
  type FileTree,
} from "@stratos/formats";
import type { BootFiles } from "../boot/boot-files.ts";
import { luksId } from "./partition-mounts.ts";
import { PartitionError, volumeGroupOf, type DiskPartition } from "./partition-table.ts";
import { rootFileSystem, type RootFormat, type RootShare } from "./root-format.ts";

const MIB = 1 << 20;

/** What lies on a partition, ready to be written. */
interface PartitionContent {
  readonly need: number;
  readonly usual: number;
  readonly isExact: boolean;
  write(disk: Disk, isZeroed: boolean): void;
}

interface ContentSettings {
  /** of the disk: what is derived from chance elsewhere is derived from it */
  readonly name: string;
  /** seconds since 1970 */
  readonly time: number;
  readonly cipher?: DiskCipher | undefined;
  /** the partition that has them, for firmware */
  readonly boot: { readonly on: DiskPartition; readonly files: BootFiles };
  readonly shares: ReadonlyMap<DiskPartition, FileTree>;
  readonly uuids: ReadonlyMap<DiskPartition, string>;
  readonly id: (what: string) => string;
}

/** @throws FormatError, PartitionError */
export function partitionContent(one: DiskPartition, settings: ContentSettings, codecs: Codecs): PartitionContent {
  return sealed(
    one.fileSystem === "lvm"
      ? volumesContent(one, settings, codecs)
      : plainContent(one, one.fileSystem, settings, codecs),
    one,
    settings,
  );
}

function plainContent(
  one: DiskPartition,
  fileSystem: Exclude<DiskPartition["fileSystem"], "lvm">,
  { shares: all, uuids, time, boot, id }: ContentSettings,
  codecs: Codecs,
): PartitionContent {
  const share = all.get(one),
    uuid = uuids.get(one)!;
  const { name } = one,
    label = (one.label ?? name).slice(0, 16);
  const tree = share ?? { entries: () => [fileEntry("", "directory", { mtime: time })] };
  switch (fileSystem) {
    case "none":
      return { need: 0, usual: 0, isExact: true, write: () => {} };
    case "swap":
      return { need: 0, usual: 0, isExact: true, write: (disk) => writeSwap(disk, { uuid, label: one.label ?? name }) };
    case "vfat":
      return fatContent(one, share, { boot: one === boot.on ? boot.files : null, uuid, time });
    case "squashfs": {
      // How large it becomes shows when it is packed.
      const packed = new MemoryDisk(),
        size = writeSquashfs(packed, withoutAccessLists(tree), { compression: "zstd", time }, codecs);
      return { need: size, usual: size, isExact: true, write: (disk) => copy(packed, disk, size) };
    }
    default: {
      const system = rootFileSystem(fileSystem satisfies RootFormat),
        shares: readonly RootShare[] = [{ subvolume: "", tree }];
      const need = system.sizeFor(shares, { isPacked: one.isPacked === true });
      return {
        need,
        usual: system.isReadOnly || one.isReadOnly === true ? need : need * 1.2 + 16 * MIB,
        isExact: system.isReadOnly || one.isReadOnly === true,
        write: (disk, isZeroed) =>
          system.write(disk, shares, {
            uuid,
            label,
            time,
            isZeroed,
            id: (what) => id(`${name} ${what}`),
            ...(one.isPacked === true ? { zstd: codecs.zstd, isPacked: true } : {}),
          }),
      };
    }
  }
}

function fatContent(
  one: DiskPartition,
  share: FileTree | undefined,
  { boot, uuid, time }: { boot: BootFiles | null; uuid: string; time: number },
): PartitionContent {
  const files: { path: string; content: () => Uint8Array; size: number }[] = (boot?.files ?? []).map(
    ({ path, content }) => ({ path, content: () => content, size: content.length }),
  );
  const folders: string[] = [];
  for (const { path, kind, content } of share?.entries() ?? []) {
    if (kind === "directory") {
      if (path !== "") folders.push(byteStringToUtf8(path));
      continue;
    }
    if (kind !== "file" || content === null)
      throw new PartitionError(
        one.name,
        "filesystem",
        `${one.mount}/${path} is no plain file, and vfat holds no other`,
      );
    files.push({ path: byteStringToUtf8(path), content: () => readBlob(content), size: content.sizeBytes });
  }
  const bytes = files.reduce((sum, { size }) => sum + size + 4096, 0) * 1.05 + MIB;
  return {
    need: bytes,
    isExact: false,
    // Room for a second kernel beside the first, as an upgrade needs.
    usual: Math.max(64 * MIB, 2.2 * bytes),
    write(disk, isZeroed) {
      if (!isZeroed)
        for (let at = 0, zeros = new Uint8Array(MIB); at < Math.min(disk.size, 32 * MIB); at += MIB)
          disk.write(at, zeros.subarray(0, Math.min(MIB, disk.size - at)));
      const fat = FatVolume.format(disk, {
        label: (one.label ?? one.name)
          .toUpperCase()
          .replace(/[^A-Z0-9]/g, "")
          .slice(0, 11),
        volumeId: parseInt(uuid.replace("-", ""), 16),
      });
      for (const folder of folders) fat.makeDirectory(folder, time);
      for (const { path, content } of files) {
        fat.makeDirectory(path.slice(0, Math.max(0, path.lastIndexOf("/"))), time);
        fat.write(path, content(), time);
      }
      fat.flush();
    },
  };
}

/** squashfs keeps no access lists. */
function withoutAccessLists(tree: FileTree): FileTree {
  const entries = [...tree.entries()].map((entry) => ({
    ...entry,
    xattrs: new Map([...entry.xattrs].filter(([name]) => !name.startsWith("system.posix_acl_"))),
  }));
  return { entries: () => entries };
}

function copy(source: Disk, target: Disk, size: number): void {
  const buffer = new Uint8Array(MIB);
  for (let at = 0; at < size; at += MIB) {
    const piece = buffer.subarray(0, Math.min(MIB, size - at));
    source.read(at, piece);
    target.write(at, piece);
  }
}

/** Volumes one behind another; what is left is theirs who make more (lvextend(8)). */
function volumesContent(group: DiskPartition, settings: ContentSettings, codecs: Codecs): PartitionContent {
  const volumes = (group.volumes ?? []).map((one) => {
    const content = partitionContent(one, settings, codecs);
    const size =
      Math.ceil(
        (one.size ?? Math.min(Math.max(content.usual, one.min ?? 0), one.max ?? Number.POSITIVE_INFINITY)) / LVM_EXTENT,
      ) * LVM_EXTENT;
    if (size < content.need)
      throw new PartitionError(
        one.name,
        one.size === undefined ? "max" : "size",
        `what lies there needs ${content.need} bytes, and it is to have ${size}`,
      );
    return { name: one.name, size, content };
  });
  const places = placeVolumes(volumes),
    need = volumes.reduce((sum, { size }) => sum + size, LVM_DATA_OFFSET);
  return {
    need,
    usual: need,
    isExact: false,
    write(disk, isZeroed) {
      writeVolumeGroup(disk, volumes, {
        name: volumeGroupOf(group),
        time: settings.time,
        id: (what) => uuidBytes(settings.id(what)),
      });
      volumes.forEach(({ content }, index) => content.write(new DiskWindow(disk, places[index]!), isZeroed));
    },
  };
}

/** The same within an encrypted partition. */
function sealed(
  content: PartitionContent,
  one: DiskPartition,
  { cipher, name, id }: ContentSettings,
): PartitionContent {
  const { encryption } = one;
  if (encryption === undefined) return content;
  if (cipher === undefined) throw new FormatError("encryption: there is none here");
  const { secret, derivation = "argon2id", random } = encryption;
  return {
    ...content,
    need: content.need + LUKS_DATA_OFFSET,
    usual: content.usual + LUKS_DATA_OFFSET,
    write(disk, isZeroed) {
      content.write(new DiskWindow(disk, { start: LUKS_DATA_OFFSET, size: disk.size - LUKS_DATA_OFFSET }), isZeroed);
      sealLuks(
        disk,
        {
          uuid: luksId(one, id),
          label: one.label ?? one.name,
          secret,
          derivation,
          seed: `${name} ${one.name}`,
          ...(random === undefined ? {} : { random }),
        },
        cipher,
      );
    },
  };
}

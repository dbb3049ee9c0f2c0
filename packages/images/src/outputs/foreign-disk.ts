/** Disks in the formats of other hypervisors, from one that is at hand. */
import {
  FormatError,
  sha256Of,
  writeOva,
  writeVhd,
  writeVhdx,
  writeVmdk,
  type Codecs,
  type Disk,
} from "@stratos/formats";
import { derivedId } from "@stratos/outputs";

export const FOREIGN_FORMATS = ["vmdk", "vhd", "vhd-fixed", "vhdx", "ova"] as const;
export type ForeignFormat = (typeof FOREIGN_FORMATS)[number];

interface ForeignDiskOptions {
  /** of the image: what else comes from chance is derived from it */
  readonly name: string;
  /** as the file will be called: VMDK and OVA have it inside */
  readonly fileName: string;
  readonly architecture: string;
  /** seconds since 1970 */
  readonly time: number;
  /** of VMDK: grains as they are, for a disk that is to be written to */
  readonly isPlain?: boolean;
  readonly onProgress?: (done: number) => void;
}

/** What an OVA's machine has; whoever imports it may change it. */
const OVA_MEMORY_MIB = 2048,
  OVA_PROCESSORS = 2;

export function isForeign(format: string): format is ForeignFormat {
  return (FOREIGN_FORMATS as readonly string[]).includes(format);
}

/**
 * Writes `source` into a file, which becomes as long as it has to be.
 *
 * @param scratch  an empty file for an OVA's disk, until the archive is written; the others use none
 * @throws FormatError
 */
export function writeForeignDisk(
  format: ForeignFormat,
  source: Disk,
  file: Disk,
  scratch: Disk,
  options: ForeignDiskOptions,
  codecs: Codecs,
): void {
  const { name, architecture, time, onProgress } = options,
    progress = onProgress === undefined ? {} : { onProgress };
  const id = derivedId(`${name} ${format}`, codecs),
    contentId = parseInt(sha256Of(codecs, Buffer.from(`stratos ${id}`)).slice(0, 8), 16) % 0xfffffffe;
  if (format === "vhd" || format === "vhd-fixed")
    return writeVhd(source, file, { kind: format === "vhd" ? "dynamic" : "fixed", uuid: id, time, ...progress });
  if (format === "vhdx")
    return writeVhdx(source, file, { id: (what) => derivedId(`${name} ${what}`, codecs), ...progress });
  if (format === "vmdk")
    return writeVmdk(
      source,
      file,
      {
        kind: options.isPlain === true ? "monolithicSparse" : "streamOptimized",
        name: options.fileName,
        contentId,
        ...progress,
      },
      codecs,
    );
  if (architecture !== "amd64" && architecture !== "arm64")
    throw new FormatError(`an OVA is for machines of amd64 or arm64, not of ${architecture}`);
  const machine = options.fileName.replace(/\.ova$/, "").replace(/[^A-Za-z0-9._-]/g, "-");
  writeVmdk(
    source,
    scratch,
    { kind: "streamOptimized", name: `${machine}-disk1.vmdk`, contentId, ...progress },
    codecs,
  );
  let end = 0;
  for (const piece of writeOva(
    scratch,
    { name: machine, architecture, diskSize: source.size, time, memory: OVA_MEMORY_MIB, processors: OVA_PROCESSORS },
    codecs,
  )) {
    file.resize(end + piece.length);
    file.write(end, piece);
    end += piece.length;
  }
}

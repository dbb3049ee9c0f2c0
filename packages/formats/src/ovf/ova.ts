/**
 * A virtual machine as one file: a tar archive of its description (OVF), the digests of all, and its disk. Source: DMTF
 * DSP0243 2.1 §5 (package), §6.4 (manifest); what VMware and VirtualBox read of it.
 */
import { byteStringToUtf8, utf8Of, utf8ToByteString } from "@stratos/base";
import { sha256Of, type Codecs } from "../codecs.ts";
import { digestOf, DiskBlob } from "../tree/archive-tree.ts";
import type { Disk } from "../disk/disk.ts";
import { fileEntry, MemoryBlob, type FileEntry } from "../tree/file-tree.ts";
import { archiveTree } from "../tree/tree-archive.ts";

export interface OvaOptions {
  /** of the machine and its files; letters, digits, `.`, `_` and `-` */
  readonly name: string;
  readonly architecture: "amd64" | "arm64";
  /** of the disk as the machine sees it, in bytes */
  readonly diskSize: number;
  /** seconds since 1970 */
  readonly time: number;
  /** MiB */
  readonly memory: number;
  readonly processors: number;
}

/**
 * @param vmdk  the disk, stream-optimized. @returns the archive, in pieces that are good until the next is asked for
 */
export function* writeOva(vmdk: Disk, options: OvaOptions, codecs: Pick<Codecs, "sha256">): Generator<Uint8Array> {
  const { name, time } = options,
    diskName = `${name}-disk1.vmdk`;
  const disk = new DiskBlob(vmdk, { start: 0, size: vmdk.size }, codecs);
  const description = utf8Of(describe(options, diskName, vmdk.size));
  const manifest = utf8Of(
    `SHA256(${name}.ovf)= ${sha256Of(codecs, description)}\nSHA256(${diskName})= ${digestOf(disk, codecs)}\n`,
  );
  const file = (path: string, content: FileEntry["content"]): FileEntry =>
    fileEntry(utf8ToByteString(path), "file", { mtime: time, mode: 0o644, content });
  const memory = (bytes: Uint8Array): MemoryBlob => new MemoryBlob(bytes, (own) => sha256Of(codecs, own));
  // The description stands first: readers begin with it.
  const entries = [
    file(`${name}.ovf`, memory(description)),
    file(`${name}.mf`, memory(manifest)),
    file(diskName, disk),
  ];
  yield* archiveTree({ entries: () => entries }, { prefix: "" });
}

/** Numbers of the kinds of hardware: DMTF CIM_ResourceAllocationSettingData. */
function describe(
  { name, architecture, diskSize, memory, processors }: OvaOptions,
  diskName: string,
  packedSize: number,
): string {
  const title = escapeXml(byteStringToUtf8(utf8ToByteString(name)));
  const system =
    architecture === "amd64"
      ? { id: 96, type: "debian12_64Guest", words: "Debian GNU/Linux (64-bit)" }
      : { id: 96, type: "arm-debian12-64Guest", words: "Debian GNU/Linux (64-bit Arm)" };
  const item = (fields: Readonly<Record<string, string | number>>): string =>
    `      <Item>\n${Object.entries(fields)
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([key, value]) => `        <rasd:${key}>${value}</rasd:${key}>\n`)
      .join("")}      </Item>\n`;
  const items = [
    {
      ElementName: `${processors} virtual CPU(s)`,
      InstanceID: 1,
      ResourceType: 3,
      AllocationUnits: "hertz * 10^6",
      Description: "Number of virtual CPUs",
      VirtualQuantity: processors,
    },
    {
      ElementName: `${memory}MB of memory`,
      InstanceID: 2,
      ResourceType: 4,
      AllocationUnits: "byte * 2^20",
      Description: "Memory Size",
      VirtualQuantity: memory,
    },
    {
      ElementName: "SATA Controller 0",
      InstanceID: 3,
      ResourceType: 20,
      Address: 0,
      Description: "SATA Controller",
      ResourceSubType: architecture === "amd64" ? "AHCI" : "vmware.sata.ahci",
    },
    {
      ElementName: "Hard Disk 1",
      InstanceID: 4,
      ResourceType: 17,
      AddressOnParent: 0,
      HostResource: "ovf:/disk/vmdisk1",
      Parent: 3,
    },
    {
      ElementName: "Network adapter 1",
      InstanceID: 5,
      ResourceType: 10,
      AddressOnParent: 7,
      AutomaticAllocation: "true",
      Connection: "network",
      ResourceSubType: "E1000",
    },
  ];
  return `<?xml version="1.0" encoding="UTF-8"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" \
xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData" \
xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData" \
xmlns:vmw="http://www.vmware.com/schema/ovf" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <References>
    <File ovf:href="${escapeXml(diskName)}" ovf:id="file1" ovf:size="${packedSize}"/>
  </References>
  <DiskSection>
    <Info>Virtual disk information</Info>
    <Disk ovf:capacity="${diskSize}" ovf:capacityAllocationUnits="byte" ovf:diskId="vmdisk1" ovf:fileRef="file1" \
ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>
  </DiskSection>
  <NetworkSection>
    <Info>The list of logical networks</Info>
    <Network ovf:name="network">
      <Description>The network that the machine is attached to</Description>
    </Network>
  </NetworkSection>
  <VirtualSystem ovf:id="${title}">
    <Info>A virtual machine</Info>
    <Name>${title}</Name>
    <OperatingSystemSection ovf:id="${system.id}" vmw:osType="${system.type}">
      <Info>The kind of installed guest operating system</Info>
      <Description>${system.words}</Description>
    </OperatingSystemSection>
    <VirtualHardwareSection>
      <Info>Virtual hardware requirements</Info>
      <System>
        <vssd:ElementName>Virtual Hardware Family</vssd:ElementName>
        <vssd:InstanceID>0</vssd:InstanceID>
        <vssd:VirtualSystemIdentifier>${title}</vssd:VirtualSystemIdentifier>
        <vssd:VirtualSystemType>vmx-14</vssd:VirtualSystemType>
      </System>
${items.map(item).join("")}      <vmw:Config ovf:required="false" vmw:key="firmware" vmw:value="efi"/>
    </VirtualHardwareSection>
  </VirtualSystem>
</Envelope>
`;
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

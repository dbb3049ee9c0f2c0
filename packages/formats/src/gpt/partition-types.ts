/** Partition types by name. Source: UEFI 2.10 §5.3.3; UAPI Discoverable Partitions Specification. */
export const PARTITION_TYPES = {
  esp: "c12a7328-f81f-11d2-ba4b-00a0c93ec93b",
  "bios-boot": "21686148-6449-6e6f-744e-656564454649",
  xbootldr: "bc13c2ff-59e6-4262-a352-b275fd6f7172",
  linux: "0fc63daf-8483-4772-8e79-3d69d8477de4",
  swap: "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f",
  home: "933ac7e1-2eb4-4f13-b844-0e14e2aef915",
  "root-amd64": "4f68bce3-e8cd-4db1-96e7-fbcaf984b709",
  "root-arm64": "b921b045-1df0-41c3-af44-4c6f280d3fae",
  "root-riscv64": "72ec70a6-cf74-40e6-bd49-4bda08e8f224",
} as const;
export type PartitionTypeName = keyof typeof PARTITION_TYPES;

/** The name of a partition type, or its GUID when it has none here. */
export function partitionTypeName(guid: string): string {
  return Object.entries(PARTITION_TYPES).find(([, value]) => value === guid)?.[0] ?? guid;
}

/** Partition types by name. Source: UEFI 2.10 §5.3.3; UAPI Discoverable Partitions Specification. */
export const PARTITION_TYPES = {
  esp: "c12a7328-f81f-11d2-ba4b-00a0c93ec93b",
  "bios-boot": "21686148-6449-6e6f-744e-656564454649",
  xbootldr: "bc13c2ff-59e6-4262-a352-b275fd6f7172",
  linux: "0fc63daf-8483-4772-8e79-3d69d8477de4",
  swap: "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f",
  home: "933ac7e1-2eb4-4f13-b844-0e14e2aef915",
  srv: "3b8f8425-20e0-4f3b-907f-1a25a76f98e8",
  var: "4d21b016-b534-45c2-a9fb-5c16e091fd2d",
  tmp: "7ec6f557-3bc5-4aca-b293-16ef5df639d1",
  lvm: "e6d6d379-f507-44c2-a23c-238f2a3df928",
  luks: "ca7d7ccb-63ed-4c53-861c-1742536059cc",
  "root-amd64": "4f68bce3-e8cd-4db1-96e7-fbcaf984b709",
  "root-arm64": "b921b045-1df0-41c3-af44-4c6f280d3fae",
  "root-riscv64": "72ec70a6-cf74-40e6-bd49-4bda08e8f224",
  "root-amd64-verity": "2c7357ed-ebd2-46d9-aec1-23d437ec2bf5",
  "root-arm64-verity": "df3300ce-d69f-4c92-978c-9bfb0f38d820",
  "root-riscv64-verity": "b6ed5582-440b-4209-b8da-5ff7c419ea3d",
  "usr-amd64": "8484680c-9521-48c6-9c11-b0720656f69e",
  "usr-arm64": "b0e01050-ee5f-4390-949a-9101b17104e9",
  "usr-riscv64": "beaec34b-8442-439b-a40b-984381ed097d",
  "usr-amd64-verity": "77ff5f63-e7b6-4633-acf4-1565b864c0e6",
  "usr-arm64-verity": "6e11a4e7-fbca-4ded-b9e9-e1a512bb664e",
  "usr-riscv64-verity": "8f1056be-9b05-47c4-81d6-be53128e5b54",
} as const;
export type PartitionTypeName = keyof typeof PARTITION_TYPES;

/** The name of a partition type, or its GUID when it has none here. */
export function partitionTypeName(guid: string): string {
  return Object.entries(PARTITION_TYPES).find(([, value]) => value === guid)?.[0] ?? guid;
}

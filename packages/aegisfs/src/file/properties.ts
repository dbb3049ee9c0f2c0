/** How a file's content is kept: its own properties, those that it inherits (format/properties.ts). */
import { EINVAL, ENOENT, EOPNOTSUPP } from "@stratos/abi";
import { INODE_AT_PROPERTIES } from "../format/inode-item.ts";
import { COMPRESS_NONE, compressionOf, propertiesOr, PROPERTIES_MAX } from "../format/properties.ts";
import { COMPATIBLE_PROPERTIES, FEATURE_COMPRESSION } from "../format/superblock.ts";
import type { FileTree, FileVolume } from "./file-tree.ts";
import { changeInode, loadInode, stamp } from "./inode.ts";

/** The inode's own word; −ENOENT. */
export function ownProperties(subvolume: FileTree, ino: number): number {
  const at = loadInode(subvolume, ino);
  return at < 0 ? -ENOENT : subvolume.volume.inodes.words[at + INODE_AT_PROPERTIES]!;
}

/** What holds for the file: its own, else the subvolume's, else the volume's. */
export function effectiveProperties(subvolume: FileTree, ino: number): number {
  const defaults = propertiesOr(subvolume.properties, subvolume.volume.superblock.properties);
  const at = loadInode(subvolume, ino);
  return at < 0 ? defaults : propertiesOr(subvolume.volume.inodes.words[at + INODE_AT_PROPERTIES]!, defaults);
}

/**
 * For content that is written from now on; what is stored stays as it is (defragmentation rewrites it). −ENOENT,
 * −EOPNOTSUPP.
 */
export function setProperties(subvolume: FileTree, ino: number, properties: number): number {
  const allowed = allowProperties(subvolume.volume, properties);
  if (allowed < 0) return allowed;
  const at = changeInode(subvolume, ino);
  if (at < 0) return -ENOENT;
  subvolume.volume.inodes.words[at + INODE_AT_PROPERTIES] = properties;
  stamp(subvolume, at, false);
  return 0;
}

/** May the volume use them? From then on readers must know them. −EINVAL, −EOPNOTSUPP: this host has no such codec. */
export function allowProperties(volume: FileVolume, properties: number): number {
  if (properties < 0 || properties > PROPERTIES_MAX) return -EINVAL;
  const compression = compressionOf(properties);
  if (!volume.content.knows(compression)) return -EOPNOTSUPP;
  if (compression > COMPRESS_NONE) volume.superblock.features |= FEATURE_COMPRESSION;
  if (properties !== 0) {
    volume.superblock.compatible |= COMPATIBLE_PROPERTIES;
    volume.usesProperties = true;
  }
  // No record of the intent log says it.
  volume.log.skip();
  return 0;
}

/** A new file takes its folder's. */
export function inheritProperties(subvolume: FileTree, directory: number, ino: number): void {
  const properties = ownProperties(subvolume, directory);
  if (properties <= 0) return;
  const at = changeInode(subvolume, ino);
  subvolume.volume.inodes.words[at + INODE_AT_PROPERTIES] = properties;
}

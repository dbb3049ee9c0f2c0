/**
 * A file tree as file systems with inodes see it: one node for each file, however many names it has, and folders that
 * know their content.
 */
import { FormatError } from "../format-error.ts";
import type { FileEntry, FileTree } from "./file-tree.ts";

export interface TreeNode {
  /** the first name's entry; never a hard link */
  readonly entry: FileEntry;
  /** from 0, in the tree's order; the root is 0 */
  readonly index: number;
  /** the root's is itself */
  readonly parent: TreeNode;
  /** all names, in the tree's order; the root has none */
  readonly names: readonly { readonly folder: TreeNode; readonly name: string }[];
  /** of a folder */
  readonly children: readonly { readonly name: string; readonly node: TreeNode }[];
  /** how many of the children are folders */
  readonly subfolders: number;
}

interface Draft extends TreeNode {
  readonly names: { folder: TreeNode; name: string }[];
  readonly children: { name: string; node: TreeNode }[];
  subfolders: number;
}

/** @param nameMax  bytes of a name. @throws FormatError for a tree that breaks its rules */
export function treeNodes(tree: FileTree, nameMax = 255): TreeNode[] {
  const nodes: Draft[] = [];
  const byPath = new Map<string, Draft>();
  for (const entry of tree.entries()) {
    const { path } = entry;
    const slash = path.lastIndexOf("/"),
      name = path.slice(slash + 1);
    const folder = path === "" ? undefined : byPath.get(path.slice(0, Math.max(slash, 0)));
    if (path !== "" && folder?.entry.kind !== "directory") throw new FormatError(`${path}: its folder is missing`);
    if (name.length > nameMax) throw new FormatError(`${path}: a name has at most ${nameMax} bytes`);
    let node: Draft | undefined;
    if (entry.kind === "hardLink") {
      node = byPath.get(entry.target);
      if (node === undefined || node.entry.kind === "directory")
        throw new FormatError(`${path}: a hard link to ${entry.target}, which is no file before it`);
    } else {
      const own = { entry, index: nodes.length, names: [], children: [], subfolders: 0 };
      node = Object.assign(own, { parent: folder ?? (own as unknown as Draft) });
      nodes.push(node);
      byPath.set(path, node);
    }
    if (folder === undefined) continue;
    node.names.push({ folder, name });
    folder.children.push({ name, node });
    if (entry.kind === "directory") folder.subfolders++;
  }
  if (nodes[0]?.entry.path !== "" || nodes[0].entry.kind !== "directory") throw new FormatError("the tree has no root");
  return nodes;
}

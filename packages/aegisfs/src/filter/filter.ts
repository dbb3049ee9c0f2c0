/**
 * Filters stand between the files of a volume and whoever uses them: a mount, a command, a program. A filter takes any
 * of the operations of `Subvolume`, does something before or after the next one, changes what goes in or comes out, or
 * answers by itself. FILTERS.md tells how to write one.
 *
 * What is filtered looks like a `Subvolume` and can be used wherever one can; filters stack, the first one given is the
 * outermost.
 */
import type { Subvolume } from "../volume/subvolume.ts";

/** Operations that a filter can take: what reads and changes files. */
export type FileOperation =
  | "lookup"
  | "create"
  | "createUnnamed"
  | "symlink"
  | "readlink"
  | "link"
  | "unlink"
  | "rmdir"
  | "rename"
  | "readDirectory"
  | "stat"
  | "setAttributes"
  | "readPages"
  | "writePages"
  | "read"
  | "write"
  | "truncate"
  | "punchHole"
  | "preallocate"
  | "seekData"
  | "seekHole"
  | "getXattr"
  | "setXattr"
  | "removeXattr"
  | "listXattrs";

/** `next` is the operation behind the filter; its arguments and results are those of `Subvolume`. */
export type FileFilter = { readonly name: string } & {
  readonly [Name in FileOperation]?: (
    next: OmitThisParameter<Subvolume[Name]>,
    ...args: Parameters<Subvolume[Name]>
  ) => ReturnType<Subvolume[Name]>;
};

/** What a filter's module exports as default. @param files  the files behind the filter, for operations of its own */
export type FilterFactory = (files: Subvolume) => FileFilter;

/** The files as they are seen through the filters; the files themselves when there are none. */
export function filterFiles(files: Subvolume, factories: readonly FilterFactory[]): Subvolume {
  return factories.reduceRight((inner, factory) => wrap(inner, factory(inner)), files);
}

type Operation = (...args: never[]) => unknown;

function wrap(files: Subvolume, filter: FileFilter): Subvolume {
  /** Made once for each operation: a call costs no closure. */
  const operations = new Map<PropertyKey, Operation>();
  return new Proxy(files, {
    get(target, property): unknown {
      const known = operations.get(property);
      if (known !== undefined) return known;
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== "function") return value;
      // Private fields are the target's: it is `this` in its own methods.
      const next = (value as Operation).bind(target as never) as Operation;
      const own =
        property === "name" ? undefined : (filter as unknown as Readonly<Record<PropertyKey, unknown>>)[property];
      const operation =
        typeof own === "function"
          ? (...args: never[]): unknown =>
              (own as (next: Operation, ...args: never[]) => unknown).call(filter, next, ...args)
          : next;
      operations.set(property, operation);
      return operation;
    },
    set(target, property, value): boolean {
      return Reflect.set(target, property, value, target);
    },
  });
}

/** File formats as pure functions over bytes: no files, no clock, no host. Input is always taken to be hostile. */
export * from "./elf.ts";

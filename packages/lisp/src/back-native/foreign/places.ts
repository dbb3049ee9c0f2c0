/**
 * What programs with foreign functions of C (decision 0058) keep in the page of the runtime's registers: addresses that
 * the dynamic linker fills in, and words through which calls and callbacks speak with the library `(stratos foreign)`.
 */
const PAGE_START = 0x10000;

/** Functions of libc that the program itself refers to, in the order of their places from `IMPORTS_AT` on. */
export const FOREIGN_IMPORTS = [
  "__libc_start_main",
  "__errno_location",
  "dlopen",
  "dlsym",
  "dlclose",
  "dlerror",
  "malloc",
  "free",
  "exit",
] as const;
type ForeignImport = (typeof FOREIGN_IMPORTS)[number];
export const IMPORTS_AT = PAGE_START + 0x600;
export function importAt(name: ForeignImport): number {
  return IMPORTS_AT + 8 * FOREIGN_IMPORTS.indexOf(name);
}

/** After a call: both integer results, both results in registers of doubles, errno. */
export const RESULTS_AT = PAGE_START + 0x680;
/** Address of the first thread's errno. */
export const ERRNO_AT = PAGE_START + 0x6a8;
/** Operands of `callback`, while its Lisp side begins. */
export const CALLBACK_AT = PAGE_START + 0x6b0;
/** Calls that C may call back from: those that have left nothing on the shadow stack. */
export const OPEN_CALLS_AT = PAGE_START + 0x6b8;
export const FATAL_MESSAGE_AT = PAGE_START + 0x6c0;
export const FATAL_MESSAGE =
  "stratos: C called a procedure of Lisp from another thread, or one that was freed, while nothing waited for it\n";
/** The program's headers, which the dynamic linker reads in memory. */
export const HEADERS_AT = PAGE_START + 0x800;

/** Procedures of Lisp that C can have at a time. */
export const CALLBACKS_MAX = 1024;

/** The block of a call: integers, doubles, count of words on the stack, count of registers of doubles, those words. */
export const CallBlock = { integers: 0, floats: 64, stackCount: 128, floatCount: 136, stack: 144 } as const;
/** The block of a callback, in C's stack. */
export const CallbackBlock = { integers: 0, floats: 64, stack: 128, thunk: 136, results: 144, bytes: 176 } as const;

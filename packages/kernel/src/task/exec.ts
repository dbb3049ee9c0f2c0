import {
  ADDR_COMPAT_LAYOUT,
  AT_BASE,
  AT_CLKTCK,
  AT_EGID,
  AT_ENTRY,
  AT_EUID,
  AT_EXECFN,
  AT_FDCWD,
  AT_FLAGS,
  AT_GID,
  AT_HWCAP,
  AT_MINSIGSTKSZ,
  AT_NULL,
  AT_PAGESZ,
  AT_PHDR,
  AT_PHENT,
  AT_PHNUM,
  AT_RANDOM,
  AT_RSEQ_ALIGN,
  AT_RSEQ_FEATURE_SIZE,
  AT_SECURE,
  AT_SYSINFO_EHDR,
  AT_UID,
  CAP_SETUID,
  CAP_SYS_PTRACE,
  E2BIG,
  EFAULT,
  ELOOP,
  ENODATA,
  ENOENT,
  ENOEXEC,
  ENOMEM,
  ETXTBSY,
  MAP_GROWSDOWN,
  MAP_PRIVATE,
  MS_NOSUID,
  PAGE_SIZE,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
  RLIMIT_STACK,
  RSEQ_FEATURE_SIZE,
  Rseq,
  SIGCHLD,
  isErrno,
} from "@stratos/abi";
import { byteString } from "@stratos/base";
import type { ElfImage } from "@stratos/formats/elf";
import { AddressSpace, STACK_TOP, VDSO_BASE } from "../mm/address-space.ts";
import { Area } from "../mm/area.ts";
import { credentialsAfterExec } from "../security/exec-credentials.ts";
import { type Credentials, isCapable, losesDumpability } from "../security/credentials.ts";
import { FILE_CAPABILITIES, parseFileCapabilities } from "../security/file-capabilities.ts";
import { checkAccess, MAY_READ } from "../security/permission.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import { openExecutable } from "../vfs/open.ts";
import { pathName } from "../vfs/path-name.ts";
import { type LoadedImage, loadImage, readAt, readElf, readInterpreter, wantsExecutableStack } from "./elf-loader.ts";
import { inTimeForChildren } from "./clone-namespaces.ts";
import { endOtherThreads, leaveMemory } from "./exit.ts";
import { SP } from "./hart-registers.ts";
import { forgetRseq } from "./rseq.ts";
import type { OpenedProgram } from "./opened-program.ts";
import type { Task } from "./task.ts";
import { detach, traceExec } from "./tracing.ts";
import type { ReadStrings } from "../ground/call-state.ts";
import { BLOCKED_KILLABLE, UNFINISHED } from "../ground/wait-queue.ts";
import { put64 } from "../ground/words.ts";
import { shownOn } from "../vfs/mount.ts";

/**
 * Linux limits one string to 128 KiB and all of them to a quarter of the stack's limit, at least 128 KiB and at most 6
 * MiB.
 */
const STRING_MAX = 131072;
/** A script's interpreter may be a script, five deep (execve(2)). */
const SCRIPT_DEPTH = 5;
const HEADER = 4096;

/**
 * Replaces the program of the task on the hart. On success the registers are those of the new program's start.
 *
 * @param name  as the caller gave it, for AT_EXECFN
 * @returns 0, or E2BIG, EACCES, ELOOP, ENOENT, ENOEXEC, ENOMEM, ETXTBSY …
 * @see execve(2)
 */
export function executeProgram(
  task: Task,
  place: { dirfd: number; path: string; flags: number },
  name: string,
  argv: string[],
  environment: string[],
): number {
  // While it waits for threads to end, what it found stays: /proc/self may lead nowhere any more.
  const program = task.openedProgram ?? openProgram(task, place, name, argv);
  if (isErrno(program)) return program;
  const result = replaceProgram(task, program, name, environment);
  task.openedProgram = result === BLOCKED_KILLABLE ? program : null;
  if (result !== BLOCKED_KILLABLE) program.file.release();
  return result;
}

/** Opens the program, following `#!` interpreters. */
function openProgram(
  task: Task,
  place: { dirfd: number; path: string; flags: number },
  name: string,
  argv: string[],
): OpenedProgram | number {
  for (let depth = 0; ; depth++) {
    if (depth > SCRIPT_DEPTH) return -ELOOP;
    const file = openExecutable(task, place.dirfd, place.path, place.flags);
    if (isErrno(file)) return file;
    if (file.inode!.writers > 0) {
      file.release();
      return -ETXTBSY;
    }
    const header = new Uint8Array(HEADER);
    const count = readAt(task, file, 0, header);
    if (count >= 0 && (count < 2 || header[0] !== 0x23 || header[1] !== 0x21))
      return { file, header: header.subarray(0, count), argv };
    file.release();
    if (count < 0) return count;
    // The interpreter would find nothing at /dev/fd/N (execveat(2), ENOENT).
    if (isCloseOnExec(task, place)) return -ENOENT;
    const line = parseScriptLine(header.subarray(0, Math.min(count, 256)));
    if (line === null) return -ENOEXEC;
    argv = [line.interpreter, ...(line.argument === "" ? [] : [line.argument]), name, ...argv.slice(1)];
    place = { dirfd: AT_FDCWD, path: line.interpreter, flags: 0 };
    name = line.interpreter;
  }
}

/** Is the program named below a descriptor that the new program won't have? */
function isCloseOnExec(task: Task, { dirfd, path }: { dirfd: number; path: string }): boolean {
  return dirfd !== AT_FDCWD && !path.startsWith("/") && task.files.isCloseOnExec(dirfd);
}

/** `#! interpreter [argument]`: the argument is the rest of the line, blanks inside included. */
function parseScriptLine(bytes: Uint8Array): { interpreter: string; argument: string } | null {
  let end = bytes.indexOf(10);
  if (end < 0) end = bytes.length;
  const text = byteString(bytes, 2, end).replace(/^[ \t]+|[ \t]+$/g, "");
  const match = /^([^ \t\0]+)[ \t]*([^\0]*)/.exec(text);
  return match === null ? null : { interpreter: match[1]!, argument: match[2]! };
}

function replaceProgram(task: Task, program: OpenedProgram, name: string, environment: string[]): number {
  const { kernel } = task;
  const image = readElf(task, program.file, program.header);
  if (isErrno(image)) return image;
  const interpreterName = readInterpreter(task, program.file, image);
  if (isErrno(interpreterName)) return interpreterName;
  let interpreter: OpenFile | null = null;
  if (interpreterName !== null) {
    const opened = openExecutable(task, AT_FDCWD, interpreterName, 0);
    if (isErrno(opened)) return opened;
    interpreter = opened;
  }
  const stackLimit = Math.min(task.group.limits[RLIMIT_STACK]!.soft, 0x40000000);
  if (stringBytes(program.argv) + stringBytes(environment) > Math.min(Math.max(stackLimit / 4, STRING_MAX), 6 << 20)) {
    interpreter?.release();
    return -E2BIG;
  }
  const space = new AddressSpace(kernel, task.controlGroup.account ?? kernel.memory);
  space.executableRule = task.space.inheritedExecutableRule;
  // mm/util.c, mmap_is_legacy.
  space.growsUpwards =
    task.group.limits[RLIMIT_STACK]!.soft === Infinity || (task.personality & ADDR_COMPAT_LAYOUT) !== 0;
  const path = program.file.path!;
  // Of an overlay the one that has the owners, not the content.
  const inode = program.file.shownInode!;
  const { userNamespace } = task.credentials;
  const givesNothing =
    (path.mount.flags & MS_NOSUID) !== 0 || !userNamespace.isWithin(path.mount.fileSystem.userNamespace);
  const gainsNothing =
    task.credentials.noNewPrivileges ||
    // Another process could change its working directory and root (fs/exec.c, check_unsafe_exec).
    sharesFsContext(task) ||
    // Who traces it would have what the file gives (execve(2)).
    (task.tracing !== null && !isCapable(task.tracing.tracer.credentials, CAP_SYS_PTRACE, userNamespace));
  // Nobody can wait for a server here.
  const attribute = givesNothing || inode.fileSystem.isServed ? -ENODATA : inode.getXattr(FILE_CAPABILITIES);
  const identity = credentialsAfterExec(task.credentials, shownOn(path.mount, inode), {
    // Who may take any identity may be given one.
    noSetId:
      givesNothing ||
      task.credentials.noNewPrivileges ||
      (gainsNothing && !isCapable(task.credentials, CAP_SETUID, userNamespace)),
    gainsNothing,
    file: isErrno(attribute) ? null : parseFileCapabilities(attribute, userNamespace, path.mount.idMap),
  });
  if (isErrno(identity)) {
    interpreter?.release();
    space.release();
    return identity;
  }
  const { credentials } = identity;
  const loaded = loadInto(task, space, program, interpreter, image, { name, environment, ...identity });
  interpreter?.release();
  if (isErrno(loaded)) {
    space.release();
    return loaded;
  }
  if (endOtherThreads(task)) {
    space.release();
    task.waitOn(task.group.exitQueue);
    return BLOCKED_KILLABLE;
  }
  pointOfNoReturn(task, space, program, name, credentials);
  kernel.hart.clear();
  kernel.hart.dropReservation();
  kernel.hart.pc = loaded.entry;
  kernel.hart.set(SP, loaded.stackPointer);
  return 0;
}

function sharesFsContext({ fs, group }: Task): boolean {
  let own = 0;
  for (const task of group.tasks) if (task.fs === fs) own++;
  return fs.users > own;
}

interface StartDetails {
  name: string;
  environment: string[];
  credentials: Credentials;
  isSecure: boolean;
}

function loadInto(
  task: Task,
  space: AddressSpace,
  program: OpenedProgram,
  interpreter: OpenFile | null,
  image: ElfImage,
  details: StartDetails,
): { entry: number; stackPointer: number } | number {
  const main = loadImage(task, space, program.file, image, false);
  if (isErrno(main)) return main;
  let linker: LoadedImage | null = null;
  if (interpreter !== null) {
    const header = new Uint8Array(HEADER);
    const count = readAt(task, interpreter, 0, header);
    const linkerImage = count < 0 ? count : readElf(task, interpreter, header.subarray(0, count));
    if (isErrno(linkerImage)) return linkerImage;
    const placed = loadImage(task, space, interpreter, linkerImage, true);
    if (isErrno(placed)) return placed;
    linker = placed;
  }
  const protection = PROT_READ | PROT_WRITE | (wantsExecutableStack(image) ? PROT_EXEC : 0);
  space.insert(
    new Area(STACK_TOP - INITIAL_STACK, STACK_TOP, protection, MAP_PRIVATE | MAP_GROWSDOWN, {
      file: null,
      pages: null,
      offset: 0,
      label: "[stack]",
    }),
  );
  const { timeForChildren } = task.namespaces;
  task.kernel.vdso.map(space, !timeForChildren.hasOffsets);
  space.brkStart = space.brkEnd = main.end;
  space.codeStart = main.codeStart;
  space.codeEnd = main.codeEnd;
  space.dataStart = main.dataStart;
  space.dataEnd = main.dataEnd;
  const stackPointer = buildStack(task, space, program.argv, details, main, linker);
  if (stackPointer < 0) return stackPointer;
  return { entry: linker?.entry ?? main.entry, stackPointer };
}

const INITIAL_STACK = 132 * 1024;

/** Letters of the extensions A, C, D, F, I, M as bits (arch/riscv/include/uapi/asm/hwcap.h). */
const HWCAP = 0x112d;
const CLOCK_TICKS = 100;

/**
 * The stack that a program starts with (psABI; getauxval(3)), from the top down: the name, environment and argument
 * strings, 16 random bytes, then argc, argv, envp and the auxiliary vector at the stack pointer.
 */
function buildStack(
  task: Task,
  space: AddressSpace,
  argv: string[],
  details: StartDetails,
  main: LoadedImage,
  linker: LoadedImage | null,
): number {
  let top = STACK_TOP - 8;
  let failed = 0;
  // They lie side by side: all are copied at once, as there may be hundreds of thousands.
  const texts: string[] = [];
  const push = (text: string): number => {
    texts.push(text);
    top -= text.length + 1;
    return top;
  };
  const nameAt = push(details.name);
  space.environmentEnd = top;
  const environmentAt = details.environment.map(() => 0);
  for (let index = details.environment.length - 1; index >= 0; index--)
    environmentAt[index] = push(details.environment[index]!);
  space.environmentStart = space.argumentsEnd = top;
  const argumentsAt = argv.map(() => 0);
  for (let index = argv.length - 1; index >= 0; index--) argumentsAt[index] = push(argv[index]!);
  space.argumentsStart = top;
  if (copyTexts(space, top, texts) < 0) failed = -ENOMEM;
  const random = new Uint8Array(16);
  task.kernel.random.fill(random);
  top = Math.floor((top - 16) / 16) * 16;
  const randomAt = top;
  if (space.copyOut(top, random, 0, 16) < 0) failed = -ENOMEM;

  const { credentials, isSecure } = details;
  const { uids, gids } = credentials.userNamespace;
  const vector = [
    AT_SYSINFO_EHDR,
    VDSO_BASE,
    AT_HWCAP,
    HWCAP,
    AT_PAGESZ,
    PAGE_SIZE,
    AT_CLKTCK,
    CLOCK_TICKS,
    AT_PHDR,
    main.headers,
    AT_PHENT,
    56,
    AT_PHNUM,
    main.headerCount,
    AT_BASE,
    linker?.bias ?? 0,
    AT_FLAGS,
    0,
    AT_ENTRY,
    main.entry,
    AT_UID,
    uids.shown(credentials.uid),
    AT_EUID,
    uids.shown(credentials.euid),
    AT_GID,
    gids.shown(credentials.gid),
    AT_EGID,
    gids.shown(credentials.egid),
    AT_SECURE,
    isSecure ? 1 : 0,
    AT_RANDOM,
    randomAt,
    AT_EXECFN,
    nameAt,
    AT_RSEQ_FEATURE_SIZE,
    RSEQ_FEATURE_SIZE,
    AT_RSEQ_ALIGN,
    Rseq.align,
    AT_MINSIGSTKSZ,
    2048,
    AT_NULL,
    0,
  ];
  const words = [argv.length, ...argumentsAt, 0, ...environmentAt, 0, ...vector];
  top = Math.floor((top - words.length * 8) / 16) * 16;
  const bytes = new Uint8Array(words.length * 8);
  const view = new DataView(bytes.buffer);
  words.forEach((word, index) => put64(view, index * 8, word));
  if (space.copyOut(top, bytes, 0, bytes.length) < 0) failed = -ENOMEM;
  space.auxiliaryVector = bytes.slice(bytes.length - vector.length * 8);
  space.stackStart = top;
  return failed < 0 ? failed : top;
}

/** Puts texts, each ended, below one another: the last one at `bottom`. */
function copyTexts(space: AddressSpace, bottom: number, texts: readonly string[]): number {
  const bytes = new Uint8Array(STACK_TOP - 8 - bottom);
  let at = bytes.length;
  for (const text of texts) {
    at -= text.length + 1;
    for (let index = 0; index < text.length; index++) bytes[at + index] = text.charCodeAt(index);
  }
  return space.copyOut(bottom, bytes, 0, bytes.length);
}

/** From here on execve can't fail: the old program goes. */
function pointOfNoReturn(
  task: Task,
  space: AddressSpace,
  program: OpenedProgram,
  name: string,
  credentials: Credentials,
): void {
  const { kernel, group, tid } = task;
  if (task.tid !== group.pid) {
    // The thread that calls execve takes over the leader's identity (execve(2), "Effect on process attributes").
    kernel.tasks.tasks.delete(task.tid);
    kernel.tasks.freed(task.tid);
    task.tid = group.pid;
    task.ownTid = group.ownPid;
    kernel.tasks.tasks.set(task.tid, task);
  }
  const { leader } = group;
  // The old leader's number lives on: its tracer hears nothing of its end.
  if (leader !== task && leader.tracing !== null) detach(leader, leader.tracing, null);
  group.leader = task;
  leaveMemory(task);
  const old = task.space;
  group.maximumResidentPages = Math.max(group.maximumResidentPages, old.peakResidentPages);
  task.space = space;
  task.namespaces = inTimeForChildren(task.namespaces);
  kernel.slots.activate(space);
  old.release();
  if (task.files.users > 1) {
    task.files.users--;
    task.files = task.files.copy();
  }
  task.files.closeOnExec(task);
  if (group.actions.users > 1) {
    group.actions.users--;
    group.actions = group.actions.copy();
  }
  group.actions.resetHandlers();
  task.signalStack = { address: 0, size: 0, flags: 2 };
  forgetRseq(task);
  task.callDispatch = null;
  const shown = shownOn(program.file.path!.mount, program.file.shownInode!);
  const mayRead = checkAccess(credentials, shown, MAY_READ) === 0;
  const isPlain =
    credentials.euid === credentials.uid &&
    credentials.egid === credentials.gid &&
    !losesDumpability(task.credentials, credentials);
  group.dumpable = mayRead && isPlain ? 1 : task.kernel.coreSettings.suidDumpable;
  const { userNamespace } = credentials;
  group.memoryNamespace = mayRead ? userNamespace : userNamespace.nearestWithIds(shown.uid, shown.gid);
  if (!isPlain) task.parentDeathSignal = 0;
  task.credentials = credentials;
  task.keyrings.forExec();
  group.timers?.deletePosix();
  group.hasExecuted = true;
  group.programs++;
  group.exitSignal = SIGCHLD;
  space.setExecutable(program.file.path!);
  task.name = (name.slice(name.lastIndexOf("/") + 1) || name).slice(0, 15);
  if (task.tracing !== null) traceExec(task, task.tracing, tid);
  kernel.onExec?.(task, pathName(program.file.path!, task.fs.root), program.argv);
}

function stringBytes(strings: string[]): number {
  let total = 0;
  for (const text of strings) total += text.length + 9;
  return total;
}

/**
 * Reads on in a list of user pointers that ends with 0.
 *
 * @returns 0 when it is whole, E2BIG, EFAULT, or UNFINISHED
 */
export function readStrings(task: Task, address: number, list: ReadStrings): number {
  const { strings } = list;
  const { work } = task.kernel;
  if (address === 0) list.isWhole = true;
  while (!list.isWhole) {
    work.charge(1);
    if (work.mustPause()) return UNFINISHED;
    const pointer = task.space.loadU64(address + strings.length * 8);
    if (pointer === -EFAULT) return -EFAULT;
    if (pointer === 0) {
      list.isWhole = true;
      break;
    }
    const text = task.space.loadString(pointer, STRING_MAX - 1);
    if (isErrno(text)) return text === -EFAULT ? -EFAULT : -E2BIG;
    list.bytes += text.length + 9;
    if (list.bytes > 6 << 20) return -E2BIG;
    work.charge(text.length >> 12);
    strings.push(text);
  }
  return 0;
}

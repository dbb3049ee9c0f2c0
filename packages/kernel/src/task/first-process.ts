import {
  AT_FDCWD,
  CAP_SYS_MODULE,
  EAGAIN,
  ENOMEM,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_REC,
  MS_RELATIME,
  MS_SHARED,
  SIGCHLD,
  SIG_IGN,
  isErrno,
} from "@stratos/abi";
import { assert } from "@stratos/base";
import { HART_STATE_SIZE } from "@stratos/riscv";
import type { Kernel } from "./kernel-state.ts";
import { AddressSpace } from "../mm/address-space.ts";
import { devtmpfsOf } from "../fs/devtmpfs/devtmpfs.ts";
import { type Credentials, hasCapability, ROOT } from "../security/credentials.ts";
import { INITIAL_NAMESPACE_INO } from "../security/namespace.ts";
import { INITIAL_USER_NAMESPACE } from "../security/user-namespace.ts";
import { PendingSignals } from "../signal/pending-signals.ts";
import { PidNamespace } from "../signal/pid-namespace.ts";
import { SignalActions } from "../signal/signal-actions.ts";
import { FileTable } from "../vfs/file-table.ts";
import { FsContext } from "../vfs/fs-context.ts";
import { mountAt, rootPath } from "../vfs/boot-mounts.ts";
import { changePropagation } from "../vfs/mount-attributes.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import { lookupDirectory } from "../vfs/path-walk.ts";
import { takeTerminal } from "../tty/console.ts";
import { executeProgram } from "./exec.ts";
import { exitTask } from "./exit.ts";
import { Namespaces } from "./namespaces.ts";
import { ProcessGroup, Session } from "../signal/session.ts";
import { Task } from "./task.ts";
import { ThreadGroup } from "./thread-group.ts";
import type { Limit } from "../ground/limit.ts";

export interface FirstProcess {
  /** Path of the program, a byte string. */
  path: string;
  argv: string[];
  environment: string[];
  workingDirectory: string;
  credentials?: Credentials;
  /** Descriptors from 0 on; taken over. */
  standardFiles: OpenFile[];
  /**
   * It is process 1 of a pid namespace, as an init system must be: the machine's own process 1 has no program. /proc
   * and control groups are mounted for it, all mounts are shared ones, and programs that are started later live in that
   * namespace, too.
   */
  isInit?: boolean;
  /** Changes its limits before its program is loaded. */
  limits?: (limits: Limit[]) => void;
}

/** Why a first process could not be started; `errno` is positive. */
export interface StartFailure {
  readonly what: "program" | "working directory";
  readonly errno: number;
}

/** Linux's defaults (getrlimit(2)); the stack is 8 MiB. */
function defaultLimits(): Limit[] {
  const unlimited = (): Limit => ({ soft: Infinity, hard: Infinity });
  const limits = Array.from({ length: 16 }, unlimited);
  limits[3] = { soft: 8 << 20, hard: Infinity };
  limits[4] = { soft: 0, hard: Infinity };
  limits[6] = { soft: 4096, hard: 4096 };
  limits[7] = { soft: 1024, hard: 65536 };
  limits[8] = { soft: 8 << 20, hard: 8 << 20 };
  limits[11] = { soft: 4096, hard: 4096 };
  limits[12] = { soft: 819200, hard: 819200 };
  limits[13] = { soft: 0, hard: 0 };
  limits[14] = { soft: 0, hard: 0 };
  return limits;
}

/**
 * Process 1: takes in orphans and lets them go (it ignores SIGCHLD, so they leave no zombies). It has no program, never
 * runs and no signal reaches it, so that programs started beside it get the ordinary treatment of signals.
 */
export function createInit(kernel: Kernel): void {
  const task = createProcess(kernel, [], ROOT);
  assert(!isErrno(task), "the first number is free");
  assert(task.tid === 1, "init is process 1");
  kernel.tasks.namespace.init = task.group;
  task.state = "S";
  task.name = "init";
  task.group.actions.set(SIGCHLD, { handler: SIG_IGN, flags: 0, restorer: 0, maskLow: 0, maskHigh: 0 });
}

/**
 * A task with an empty memory in a process, group and session of its own; a child of init. −EAGAIN: no number is free
 */
function createProcess(
  kernel: Kernel,
  standardFiles: OpenFile[],
  credentials: Credentials,
  isInit = false,
): Task | number {
  if (isInit) kernel.namespaces = withOwnPids(kernel);
  const { pidForChildren: namespace } = kernel.namespaces;
  if (namespace.isEnded) return -ENOMEM;
  const tid = kernel.tasks.allocate(namespace);
  if (tid < 0) return tid;
  const root = rootPath(kernel);
  const files = new FileTable(kernel.fileUsage);
  const resources = {
    space: new AddressSpace(kernel),
    files,
    fs: new FsContext(kernel.mounts, root, root, 0o022),
    credentials,
    namespaces: kernel.namespaces.retain(),
  };
  const session = new Session(tid);
  const group = new ProcessGroup<ThreadGroup>(tid, session);
  // The process and its first task name each other; the task is put in place at once.
  const process = new ThreadGroup(
    tid,
    null as unknown as Task,
    kernel.tasks.processes.get(1) ?? null,
    group,
    new SignalActions(),
    new PendingSignals(kernel.signalLoad),
    defaultLimits(),
    SIGCHLD,
    kernel.now(),
    namespace,
  );
  if (namespace !== kernel.tasks.namespace) namespace.init ??= process;
  const task = new Task(kernel, tid, process, resources, new Uint8Array(HART_STATE_SIZE), kernel.now());
  process.leader = task;
  process.tasks.push(task);
  process.parent?.children.add(process);
  group.members.add(process);
  kernel.tasks.tasks.set(tid, task);
  kernel.tasks.processes.set(tid, process);
  kernel.tasks.groups.set(tid, group);
  task.controlGroup.admit(task);
  for (const file of standardFiles) files.install(file, false, 0, 1024);
  takeTerminal(task);
  return task;
}

/** What programs are started in from now on: the same, with a pid namespace of their own. */
function withOwnPids(kernel: Kernel): Namespaces {
  const { tasks, namespaces } = kernel;
  const own = new PidNamespace(tasks.namespace, {
    ino: INITIAL_NAMESPACE_INO.mnt + kernel.allocateAnonymousIno(),
    owner: INITIAL_USER_NAMESPACE,
    creatorUid: 0,
    counts: null,
  });
  return new Namespaces({ ...namespaces, pidForChildren: own });
}

/** An init system has no modules to load: there are none, and systemd would tell of its failure. */
function withoutModules(credentials: Credentials): Credentials {
  const left = (set: number): number => set - (hasCapability(set, CAP_SYS_MODULE) ? 2 ** CAP_SYS_MODULE : 0);
  const { effective, permitted, bounding } = credentials;
  return { ...credentials, effective: left(effective), permitted: left(permitted), bounding: left(bounding) };
}

/** Where the machine has neither terminal nor screen, an init system would start a login at each of them, in vain. */
function removeAbsentTerminals(kernel: Kernel): void {
  if (kernel.tty.console !== null || kernel.tty.virtual !== null) return;
  for (const name of ["console", "tty0", "tty1"]) devtmpfsOf(kernel).removeNode(name);
}

/** For an init system: it has processes of its own, and no rights to mount in a machine that runs already. */
function mountProcesses(kernel: Kernel): number {
  const made = kernel.vfs.types.get("proc")!.create(kernel, "proc", new Map());
  if (isErrno(made)) return made;
  const mount = mountAt(kernel, "/proc", made, { flags: MS_RELATIME | MS_NOSUID | MS_NODEV | MS_NOEXEC });
  return isErrno(mount) ? mount : 0;
}

/**
 * For an init system: what is mounted in one mount namespace comes into those beside it. systemd sees to that only
 * where no container is (mount_setup in its src/shared/mount-setup.c), and counts on it: what it mounts for a service,
 * such as its credentials, would else be gone with the process that mounts it.
 */
function shareMounts(kernel: Kernel): void {
  const result = changePropagation(kernel, kernel.mounts, rootPath(kernel), MS_REC | MS_SHARED);
  assert(result === 0, "the root is a mount");
}

/**
 * Loads a program into a new process and makes it runnable.
 *
 * @returns the task, or what failed (the process is gone again)
 */
export function startProcess(kernel: Kernel, request: FirstProcess): Task | StartFailure {
  const { namespaces } = kernel;
  const isInit = request.isInit === true;
  const credentials = request.credentials ?? ROOT;
  if (isInit) removeAbsentTerminals(kernel);
  const task =
    kernel.tasks.count >= kernel.maximumTasks
      ? -EAGAIN
      : createProcess(kernel, request.standardFiles, isInit ? withoutModules(credentials) : credentials, isInit);
  if (isErrno(task)) {
    kernel.namespaces = namespaces;
    for (const file of request.standardFiles) file.release();
    return { what: "program", errno: -task };
  }
  request.limits?.(task.group.limits);
  const failed = loadProgram(kernel, task, request);
  if (failed !== null) {
    const { onProcessExit } = kernel;
    kernel.onProcessExit = null;
    exitTask(task, 127 << 8);
    kernel.onProcessExit = onProcessExit;
    kernel.namespaces = namespaces;
    return failed;
  }
  kernel.scheduler.enqueue(task);
  return task;
}

/** The same from within a call of a task, which is on the hart and comes back to it. */
export function startHelper(caller: Task, request: FirstProcess): Task | StartFailure {
  const { kernel } = caller;
  const { hart, scheduler } = kernel;
  const registers = caller.registers.slice();
  hart.saveTo(registers);
  scheduler.current = null;
  const started = startProcess(kernel, request);
  hart.loadFrom(registers);
  scheduler.current = caller;
  kernel.slots.activate(caller.space);
  return started;
}

/** Whoever a first process that has waited goes on for. */
export interface HandedOver {
  workingDirectory: string;
  /** In the place of its descriptors from 0 on; taken over. */
  standardFiles: OpenFile[];
}

/**
 * A first process goes on with other files and in another folder, those of whoever it has waited for; a terminal among
 * them becomes its own.
 *
 * @returns 0, or a negated errno: the folder cannot be had, and nothing was changed but that the files are released
 */
export function handOverProcess(kernel: Kernel, pid: number, request: HandedOver): number {
  const task = kernel.tasks.processes.get(pid)?.leader;
  assert(task !== undefined, "it waits");
  const directory = lookupDirectory(task, AT_FDCWD, request.workingDirectory);
  if (isErrno(directory)) {
    for (const file of request.standardFiles) file.release();
    return directory;
  }
  task.fs.setCwd(directory);
  for (const [fd, file] of request.standardFiles.entries()) task.files.installAt(task, fd, file, false);
  takeTerminal(task);
  return 0;
}

function loadProgram(kernel: Kernel, task: Task, request: FirstProcess): StartFailure | null {
  assert(kernel.scheduler.current === null, "no task is on the hart");
  const directory = lookupDirectory(task, AT_FDCWD, request.workingDirectory);
  if (isErrno(directory)) return { what: "working directory", errno: -directory };
  task.fs.setCwd(directory);
  kernel.scheduler.current = task;
  // It makes no call that could wait for a listener's answer (fanotify(7)).
  const { permissionCount } = kernel.vfs;
  kernel.vfs.permissionCount = 0;
  const mounted = request.isInit === true ? mountProcesses(kernel) : 0;
  const result =
    mounted < 0
      ? mounted
      : executeProgram(
          task,
          { dirfd: AT_FDCWD, path: request.path, flags: 0 },
          request.path,
          request.argv,
          request.environment,
        );
  kernel.vfs.permissionCount = permissionCount;
  kernel.hart.saveTo(task.registers);
  kernel.scheduler.current = null;
  if (result < 0) return { what: "program", errno: -result };
  if (request.isInit === true) shareMounts(kernel);
  return null;
}

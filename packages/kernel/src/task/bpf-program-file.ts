import { EINVAL, O_RDWR } from "@stratos/abi";
import { hexOf, stateClass } from "@stratos/base";
import type { GroupProgram } from "../security/device-program.ts";
import { OpenFile } from "../vfs/open-file.ts";
import type { ControlGroups } from "./control-group.ts";

/** A program that was loaded (bpf(2)), which lives as long as a descriptor, or a group that has it. */
export class BpfProgramFile extends OpenFile {
  readonly program: GroupProgram;
  #groups: ControlGroups;

  constructor(groups: ControlGroups, program: GroupProgram) {
    super(O_RDWR, null, null);
    this.#groups = groups;
    this.program = program;
    groups.holdProgram(program);
  }

  override get description(): string {
    return "anon_inode:bpf-prog";
  }

  override details(): string {
    const { id, type, tag, instructions } = this.program;
    return (
      `prog_type:\t${type}\nprog_jited:\t0\nprog_tag:\t${hexOf(tag)}\nmemlock:\t4096\nprog_id:\t${id}\n` +
      `run_time_ns:\t0\nrun_cnt:\t0\nrecursion_misses:\t0\nverified_insns:\t${instructions.length}\n`
    );
  }

  override read(): number {
    return -EINVAL;
  }

  protected override dispose(): void {
    this.#groups.releaseProgram(this.program);
  }

  static {
    stateClass("BpfProgramFile", this, {
      save: (it) => ({ groups: it.#groups }),
      load: (it, from) => ({ groups: it.#groups } = from),
    });
  }
}

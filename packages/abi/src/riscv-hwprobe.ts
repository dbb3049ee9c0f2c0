/** riscv_hwprobe(2). Source: Linux arch/riscv/include/uapi/asm/hwprobe.h. */
import { hex64, i64, struct } from "./struct.ts";

export const RiscvHwprobe = struct("riscv_hwprobe", { key: i64, value: hex64 });
/** Flag: which harts have these values? */
export const RISCV_HWPROBE_WHICH_CPUS = 1;

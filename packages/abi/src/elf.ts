/**
 * Programs and core files. Source: Linux include/uapi/linux/{elf,auxvec,elfcore}.h; elf(5), core(5), getauxval(3);
 * RISC-V ELF psABI.
 */
import { array, hex32, hex64, i16, i32, i64, i8, pointer, struct, text, u16, u32, u64, u8 } from "./struct.ts";
import { Timeval } from "./time.ts";

/** Entries of the auxiliary vector. */
export const AT_NULL = 0,
  AT_PHDR = 3,
  AT_PHENT = 4,
  AT_PHNUM = 5,
  AT_PAGESZ = 6,
  AT_BASE = 7,
  AT_FLAGS = 8,
  AT_ENTRY = 9,
  AT_UID = 11,
  AT_EUID = 12,
  AT_GID = 13,
  AT_EGID = 14,
  AT_HWCAP = 16,
  AT_CLKTCK = 17,
  AT_SECURE = 23,
  AT_RANDOM = 25,
  AT_RSEQ_FEATURE_SIZE = 27,
  AT_RSEQ_ALIGN = 28,
  AT_EXECFN = 31,
  AT_SYSINFO_EHDR = 33,
  AT_MINSIGSTKSZ = 51;

/** The first four bytes (ELFMAG), read as a number. */
export const ELF_MAGIC = 0x464c457f;
export const ELFCLASS64 = 2,
  ELFDATA2LSB = 1,
  EV_CURRENT = 1;
export const ET_EXEC = 2,
  ET_DYN = 3,
  ET_CORE = 4;
export const EM_RISCV = 243;
export const EF_RISCV_FLOAT_ABI_DOUBLE = 4;
export const PT_LOAD = 1,
  PT_DYNAMIC = 2,
  PT_NOTE = 4,
  PT_GNU_EH_FRAME = 0x6474e550;
export const PF_X = 1,
  PF_W = 2,
  PF_R = 4;
export const Elf64Ehdr = struct("elf64_hdr", {
  e_ident: array(u8, 16),
  e_type: u16,
  e_machine: u16,
  e_version: u32,
  e_entry: pointer,
  e_phoff: u64,
  e_shoff: u64,
  e_flags: hex32,
  e_ehsize: u16,
  e_phentsize: u16,
  e_phnum: u16,
  e_shentsize: u16,
  e_shnum: u16,
  e_shstrndx: u16,
});
export const Elf64Phdr = struct("elf64_phdr", {
  p_type: u32,
  p_flags: hex32,
  p_offset: u64,
  p_vaddr: pointer,
  p_paddr: pointer,
  p_filesz: u64,
  p_memsz: u64,
  p_align: u64,
});
export const SHT_PROGBITS = 1,
  SHT_STRTAB = 3,
  SHT_HASH = 5,
  SHT_DYNAMIC = 6,
  SHT_DYNSYM = 11,
  SHT_GNU_VERDEF = 0x6ffffffd,
  SHT_GNU_VERSYM = 0x6fffffff;
export const SHF_ALLOC = 2,
  SHF_EXECINSTR = 4;
export const Elf64Shdr = struct("elf64_shdr", {
  sh_name: u32,
  sh_type: u32,
  sh_flags: hex64,
  sh_addr: pointer,
  sh_offset: u64,
  sh_size: u64,
  sh_link: u32,
  sh_info: u32,
  sh_addralign: u64,
  sh_entsize: u64,
});
export const DT_HASH = 4,
  DT_STRTAB = 5,
  DT_SYMTAB = 6,
  DT_STRSZ = 10,
  DT_SYMENT = 11,
  DT_SONAME = 14,
  DT_VERSYM = 0x6ffffff0,
  DT_VERDEF = 0x6ffffffc,
  DT_VERDEFNUM = 0x6ffffffd;
export const Elf64Dyn = struct("Elf64_Dyn", { d_tag: i64, d_val: u64 });
export const SHN_ABS = 0xfff1;
export const STB_GLOBAL = 1;
export const STT_OBJECT = 1,
  STT_FUNC = 2;
export const Elf64Sym = struct("elf64_sym", {
  st_name: u32,
  st_info: u8,
  st_other: u8,
  st_shndx: u16,
  st_value: pointer,
  st_size: u64,
});
/** Symbol versions (elf.h of glibc). */
export const VER_FLG_BASE = 1;
export const Elf64Verdef = struct("Elf64_Verdef", {
  vd_version: u16,
  vd_flags: u16,
  vd_ndx: u16,
  vd_cnt: u16,
  vd_hash: u32,
  vd_aux: u32,
  vd_next: u32,
});
export const Elf64Verdaux = struct("Elf64_Verdaux", { vda_name: u32, vda_next: u32 });
export const Elf64Nhdr = struct("elf64_note", { n_namesz: u32, n_descsz: u32, n_type: u32 });

/** Notes of a core file. */
export const NT_PRSTATUS = 1,
  NT_PRFPREG = 2,
  NT_PRPSINFO = 3,
  NT_AUXV = 6,
  NT_FILE = 0x46494c45,
  NT_SIGINFO = 0x53494749;
export const ElfPrstatus = struct("elf_prstatus", {
  si_signo: i32,
  si_code: i32,
  si_errno: i32,
  pr_cursig: i16,
  pr_sigpend: hex64,
  pr_sighold: hex64,
  pr_pid: i32,
  pr_ppid: i32,
  pr_pgrp: i32,
  pr_sid: i32,
  pr_utime: Timeval,
  pr_stime: Timeval,
  pr_cutime: Timeval,
  pr_cstime: Timeval,
  pr_reg: array(hex64, 32), // pc, x1 … x31
  pr_fpvalid: i32,
});
export const ElfPrpsinfo = struct("elf_prpsinfo", {
  pr_state: i8,
  pr_sname: i8,
  pr_zomb: i8,
  pr_nice: i8,
  pr_flag: hex64,
  pr_uid: u32,
  pr_gid: u32,
  pr_pid: i32,
  pr_ppid: i32,
  pr_pgrp: i32,
  pr_sid: i32,
  pr_fname: text(16),
  pr_psargs: text(80),
});
/** NT_PRFPREG: `struct __riscv_d_ext_state`. */
export const RiscvDState = struct("__riscv_d_ext_state", { f: array(hex64, 32), fcsr: hex32 });

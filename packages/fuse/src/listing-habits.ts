/**
 * Will who lists a folder look at its files? READDIRPLUS can give the kernel the attributes of all, which saves
 * `ls -l`, `du`, `grep -r` and `rm -r` a LOOKUP for each (some 10 µs), and costs those who want names alone, as
 * `find -name` does, an inode and a name in the kernel for each file (some 3 µs). Nobody says beforehand, so the
 * server learns it of each process:
 *
 *     unknown ──a file that was left out is looked up──► looks: all attributes in one answer
 *        └──two folders with files were listed, and nothing was──► names: those of folders alone, as it will go on
 *                                                                  └──a file is looked up──► looks
 *
 * To who is unknown each listing leaves out one file, the probe. Processes and folders share places by their numbers'
 * low bits: a wrong guess costs time, and is learnt from.
 */
const PLACES = 256;
const UNKNOWN = 0,
  NAMES = 1,
  LOOKS = 2;
/** Listings without a look after which a process is taken to want names. */
const UNLOOKED = 2;

export class ListingHabits {
  readonly #pid = new Uint32Array(PLACES);
  readonly #habit = new Uint8Array(PLACES);
  readonly #unlooked = new Uint8Array(PLACES);
  /** Folders that were listed, and by whom. */
  readonly #folder = new Uint32Array(PLACES);
  readonly #tree = new Uint32Array(PLACES);
  readonly #lister = new Uint32Array(PLACES);
  /** The listing at hand: its place as a process, and whether it has left a file out. */
  #place = 0;
  #leavesOut = false;

  /** A listing by `pid` goes on, or begins. */
  list(pid: number, folder: number, tree: number, isBegin: boolean): void {
    const place = pid % PLACES;
    if (this.#pid[place] !== pid) {
      this.#pid[place] = pid;
      this.#habit[place] = UNKNOWN;
      this.#unlooked[place] = 0;
    }
    this.#place = place;
    this.#leavesOut = isBegin && this.#habit[place] === UNKNOWN;
    const at = folder % PLACES;
    this.#folder[at] = folder;
    this.#tree[at] = tree;
    this.#lister[at] = pid;
  }

  /** The listing has come to a file: does its answer hold the attributes? */
  gives(): boolean {
    const place = this.#place;
    if (!this.#leavesOut) return this.#habit[place] !== NAMES;
    this.#leavesOut = false;
    if (this.#unlooked[place]!++ >= UNLOOKED) this.#habit[place] = NAMES;
    return false;
  }

  /** A file in that folder was looked up. */
  look(folder: number, tree: number): void {
    const at = folder % PLACES;
    if (this.#folder[at] !== folder || this.#tree[at] !== tree) return;
    const place = this.#lister[at]! % PLACES;
    if (this.#pid[place] === this.#lister[at]) this.#habit[place] = LOOKS;
  }
}

import { CAP_SYS_ADMIN, CAP_SYS_RESOURCE, PAGE_SIZE } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { type Credentials, isCapable } from "../../security/credentials.ts";

/** How many pages the pipes of each user may take (pipe(7), "/proc files"). */
export class PipeLimits {
  /** fs.pipe-max-size, in bytes: what those without CAP_SYS_RESOURCE may ask for. */
  maximumBytes = 1 << 20;
  /** fs.pipe-user-pages-soft: beyond it, new pipes have two pages; and -hard: none are made. 0: no limit. */
  softPages = 16384;
  hardPages = 0;
  #pagesOf = new Map<number, number>();

  /** The user's pipes take so many pages more (or fewer). */
  charge(uid: number, pages: number): void {
    const sum = (this.#pagesOf.get(uid) ?? 0) + pages;
    if (sum > 0) this.#pagesOf.set(uid, sum);
    else this.#pagesOf.delete(uid);
  }

  /** Would `more` pages bring the user beyond the limit? */
  exceeds(credentials: Credentials, more: number, limit: "softPages" | "hardPages"): boolean {
    if (isCapable(credentials, CAP_SYS_RESOURCE) || isCapable(credentials, CAP_SYS_ADMIN) || this[limit] === 0)
      return false;
    return (this.#pagesOf.get(credentials.uid) ?? 0) + more > this[limit];
  }

  /** Pages of a new pipe; 0: the user may have no more. @see fs/pipe.c, alloc_pipe_info */
  initialPages(credentials: Credentials): number {
    const most = isCapable(credentials, CAP_SYS_RESOURCE)
      ? INITIAL_PAGES
      : Math.min(INITIAL_PAGES, Math.max(1, Math.floor(this.maximumBytes / PAGE_SIZE)));
    const pages = this.exceeds(credentials, most, "softPages") ? Math.min(most, LEAST_PAGES) : most;
    return this.exceeds(credentials, pages, "hardPages") ? 0 : pages;
  }

  static {
    stateClass("PipeLimits", this, {
      save: (it) => ({ pagesOf: it.#pagesOf }),
      load: (it, from) => ({ pagesOf: it.#pagesOf } = from),
    });
  }
}

const INITIAL_PAGES = 16,
  LEAST_PAGES = 2;

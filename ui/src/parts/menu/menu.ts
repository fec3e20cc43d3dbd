// What a menu offers.

export type MenuItem = {
  id: string;
  title: string;
  /** One of several of which one holds, and whether it does; absent: it does something. */
  checked?: boolean;
  /** Why it can't be taken now; null or absent: it can. */
  why?: string | null;
  run: () => void;
};

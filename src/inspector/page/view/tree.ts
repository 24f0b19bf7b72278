/** A JSON value as rows that open and close, with changes marked. Pure. Only open branches cost time. */

export interface TreeRow {
  /** `window.3.batch`; the key by which it is opened. */
  readonly path: string;
  readonly depth: number;
  readonly key: string;
  /** The value as text; for a branch, its content. */
  readonly value: string;
  readonly kind: 'string' | 'number' | 'boolean' | 'null' | 'branch' | 'more';
  readonly branch: boolean;
  readonly open: boolean;
  /** The record at the cursor changed it or a value in it. */
  readonly changed: boolean;
}

/** Maximum shown values of a branch; it counts the others. */
const MAX_CHILDREN = 200;
const MAX_TEXT = 200;

/** @param open paths of the branches that are open.
 * @param changed paths that were changed, of any depth. */
export function treeRows(value: unknown, open: ReadonlySet<string>, changed: readonly string[]): TreeRow[] {
  const rows: TreeRow[] = [];
  const isChanged = (path: string) =>
    changed.some((each) => each === path || each.startsWith(`${path}.`) || path.startsWith(`${each}.`));
  const walk = (each: unknown, prefix: string, depth: number) => {
    const entries = entriesOf(each);
    for (const [key, child] of entries.slice(0, MAX_CHILDREN)) {
      const path = prefix === '' ? key : `${prefix}.${key}`;
      const branch = typeof child === 'object' && child !== null && entriesOf(child).length > 0;
      const isOpen = branch && open.has(path);
      rows.push({
        path,
        depth,
        key,
        ...shown(child, branch),
        branch,
        open: isOpen,
        changed: isChanged(path),
      });
      if (isOpen) walk(child, path, depth + 1);
    }
    if (entries.length > MAX_CHILDREN) {
      const value = `${entries.length - MAX_CHILDREN} more`;
      rows.push({
        path: `${prefix}.…`,
        depth,
        key: '…',
        value,
        kind: 'more',
        branch: false,
        open: false,
        changed: false,
      });
    }
  };
  walk(value, '', 0);
  return rows;
}

function entriesOf(value: unknown): [string, unknown][] {
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
}

function shown(value: unknown, branch: boolean): Pick<TreeRow, 'value' | 'kind'> {
  if (Array.isArray(value)) return { value: `[${value.length}]`, kind: 'branch' };
  if (branch) return { value: preview(value), kind: 'branch' };
  if (typeof value === 'string') return { value: JSON.stringify(value.slice(0, MAX_TEXT)), kind: 'string' };
  if (typeof value === 'number' || typeof value === 'boolean')
    return { value: String(value), kind: typeof value as 'number' | 'boolean' };
  return { value: value === null || value === undefined ? 'null' : '{}', kind: 'null' };
}

function preview(value: unknown): string {
  const keys = entriesOf(value).map(([key]) => key);
  return `{ ${keys.slice(0, 4).join(', ')}${keys.length > 4 ? ', …' : ''} }`;
}

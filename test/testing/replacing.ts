/** Real objects that differ in one method. */

/** The object with one method replaced. */
export function replacing<T extends object, K extends keyof T>(whole: T, name: K, method: T[K]): T {
  return new Proxy(whole, {
    get(target, key) {
      const value: unknown = key === name ? method : Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** Basic accessibility checks as functions that run in the page, and its console messages. */
import type { Page } from 'playwright-core';

/** Console messages and uncaught errors. */
export function complaintsOf(page: Page): string[] {
  const complaints: string[] = [];
  page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => complaints.push(error.message));
  return complaints;
}

/** Controls without a name, pictures without a text, duplicate ids. */
export function namelessControls(): string[] {
  const controls =
    'button, input, select, a, [role=button], [role=slider], [role=tab], [role=listbox], [role=tree], [role=img], [role=group]';
  const nameOf = (element: Element) =>
    element.getAttribute('aria-label') ??
    document.getElementById(element.getAttribute('aria-labelledby') ?? '')?.textContent ??
    (element.closest('label') ?? element).textContent ??
    '';
  const nameless = [...document.querySelectorAll(controls)]
    .filter((element) => nameOf(element).trim() === '')
    .map((element) => element.outerHTML.slice(0, 120));
  const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
  const twice = ids.filter((id, i) => ids.indexOf(id) !== i).map((id) => `twice: ${id}`);
  const pictures = [...document.querySelectorAll('svg:not([aria-hidden]):not([aria-label])')].map(
    () => 'svg',
  );
  return [...nameless, ...twice, ...pictures];
}

/** Texts with a contrast under 4.5 to 1, disabled ones excepted. */
export function dimTexts(): string[] {
  const rgba = (color: string) => {
    const canvas = document
      .createElement('canvas')
      .getContext('2d', { willReadFrequently: true }) as CanvasRenderingContext2D;
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [r = 0, g = 0, b = 0, a = 0] = canvas.getImageData(0, 0, 1, 1).data;
    return { r, g, b, a: a / 255 };
  };
  const light = ({ r, g, b }: { r: number; g: number; b: number }) => {
    const [x = 0, y = 0, z = 0] = [r, g, b].map((v) =>
      v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4,
    );
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element: Element | null): ReturnType<typeof rgba> => {
    for (let each = element; each !== null; each = each.parentElement) {
      const color = rgba(getComputedStyle(each).backgroundColor);
      if (color.a > 0.9) return color;
    }
    return { r: 255, g: 255, b: 255, a: 1 };
  };
  const dim = new Set<string>();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const element = node.parentElement;
    if (
      element === null ||
      node.textContent?.trim() === '' ||
      element.closest('svg, script, :disabled, [aria-disabled=true]')
    )
      continue;
    if (element.checkVisibility() === false) continue;
    const [a, b] = [light(rgba(getComputedStyle(element).color)), light(behind(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5)
      dim.add(
        `${element.tagName}.${element.className} ${contrast.toFixed(2)}: ${node.textContent?.slice(0, 30)}`,
      );
  }
  return [...dim];
}

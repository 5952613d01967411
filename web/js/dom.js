// Makes and finds elements.

/**
 * @typedef {string | number | boolean | null | undefined | ((event: never) => unknown)} Attribute a
 *   value; `false` and nothing leave the attribute out
 * @typedef {Node | string | null | undefined | false} Child
 */

/**
 * Makes an element with attributes, listeners (`on…`), properties (`.name`) and children.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, Attribute>} [attributes]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else if (name.startsWith('.')) Reflect.set(element, name.slice(1), value);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  for (const child of children.flat()) {
    if (child || child === '') element.append(child);
  }
  return element;
}

const SVG = 'http://www.w3.org/2000/svg';

/**
 * Makes an element of SVG.
 * @param {string} tag
 * @param {Record<string, string | number>} [attributes]
 * @param {...(Node | string)} children
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/**
 * Makes an icon from a path on a grid of 16.
 * @param {string} path
 */
export function icon(path) {
  return svg(
    'svg',
    { viewBox: '0 0 16 16', width: 16, height: 16, 'aria-hidden': 'true', class: 'icon' },
    svg('path', { d: path }),
  );
}

/**
 * Finds an element of index.html.
 * @param {string} id
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`index.html has no element with the id ${id}`);
  return element;
}

/**
 * Sets text only where it changes, which saves a layout.
 * @param {Node} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Tells screen readers something.
 * @param {string} text
 */
export function announce(text) {
  setText(byId('announce'), text);
}

/**
 * Saves a file on the visitor's machine.
 * @param {string} name
 * @param {Blob} blob
 */
export function download(name, blob) {
  const url = URL.createObjectURL(blob);
  h('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/**
 * Loads a stylesheet once.
 * @param {string} name a file of the folder `css`, or a path from there
 * @returns {Promise<void>}
 */
export function stylesheet(name) {
  const { href } = new URL(`../css/${name}`, import.meta.url);
  if ([...document.styleSheets].some((sheet) => sheet.href === href)) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const onload = () => resolve();
    const onerror = () => reject(new Error(`${name} could not be loaded`));
    document.head.append(h('link', { rel: 'stylesheet', href, onload, onerror }));
  });
}

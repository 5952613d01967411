// Texts in the visitor's language, numbers and times in a form for people.

/** @typedef {'en' | 'zh'} Language */

/** Made once: making one takes longer than using it a thousand times. */
const GROUPED = new Intl.NumberFormat('en');

/** @type {Record<string, string>} */
let texts = {};
/** @type {Language} */
let language = 'en';

/** @returns {Language} */
export function currentLanguage() {
  return language;
}

/**
 * What the browser asks for, unless the visitor said otherwise.
 * @returns {Language}
 */
export function preferredLanguage() {
  return navigator.languages.some((name) => name.toLowerCase().startsWith('zh')) ? 'zh' : 'en';
}

/** @param {Language} wanted */
export async function loadLanguage(wanted) {
  const response = await fetch(new URL(`../i18n/${wanted}.json`, import.meta.url));
  texts = await response.json();
  language = wanted;
  document.documentElement.lang = wanted === 'zh' ? 'zh-CN' : 'en';
  for (const element of document.querySelectorAll('[data-i18n]')) {
    element.textContent = t(element.getAttribute('data-i18n') ?? '');
  }
  for (const element of document.querySelectorAll('[data-i18n-label]')) {
    element.setAttribute('aria-label', t(element.getAttribute('data-i18n-label') ?? ''));
  }
}

/**
 * The text of a key, with `{name}` replaced. A key without a text stays visible as a key: the tests look for that.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export function t(key, values) {
  const text = texts[key];
  if (text === undefined) return key;
  return values ? text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole)) : text;
}

/** @param {string} key */
export function has(key) {
  return key in texts;
}

/**
 * A whole number, grouped.
 * @param {number} value
 */
export function count(value) {
  return value < 0 ? '–' : GROUPED.format(value);
}

/**
 * A duration with three significant digits.
 * @param {number} ns
 */
export function duration(ns) {
  if (ns < 0) return '–';
  if (ns === 0) return '0 ms';
  if (ns < 1e3) return `${Math.round(ns)} ns`;
  if (ns < 1e6) return `${digits(ns / 1e3)} µs`;
  if (ns < 1e9) return `${digits(ns / 1e6)} ms`;
  if (ns < 60e9) return `${digits(ns / 1e9)} s`;
  return `${Math.floor(ns / 60e9)} min ${Math.floor((ns / 1e9) % 60)} s`;
}

/** @param {number} value */
export function digits(value) {
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/**
 * A moment of a run, always as wide: for a clock that runs.
 * @param {number} ns
 */
export function moment(ns) {
  return `${(Math.max(0, ns) / 1e9).toFixed(3)} s`;
}

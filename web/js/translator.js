// The page's texts in the visitor's language.

/**
 * @typedef {'en' | 'zh'} Language
 *
 * @typedef {(key: string, values?: Record<string, string | number>) => string} Translate looks up
 *   the text of a key
 */

/** Finds the language that the browser asks for. @returns {Language} */
export function preferredLanguage() {
  return navigator.languages.some((name) => name.toLowerCase().startsWith('zh')) ? 'zh' : 'en';
}

export class Translator {
  /** @type {Language} */
  language = 'en';
  /** @type {Record<string, string>} */
  #texts = {};

  /**
   * Loads the texts of a language, and translates what index.html contains.
   * @param {Language} wanted
   */
  async load(wanted) {
    const response = await fetch(new URL(`../i18n/${wanted}.json`, import.meta.url));
    this.#texts = await response.json();
    this.language = wanted;
    document.documentElement.lang = wanted === 'zh' ? 'zh-CN' : 'en';
    for (const element of document.querySelectorAll('[data-i18n]')) {
      element.textContent = this.tr(element.getAttribute('data-i18n') ?? '');
    }
    for (const element of document.querySelectorAll('[data-i18n-label]')) {
      element.setAttribute('aria-label', this.tr(element.getAttribute('data-i18n-label') ?? ''));
    }
  }

  /**
   * Looks up the text of a key, with `{name}` replaced. A key without a text stays visible as a
   * key: the tests look for that.
   * @type {Translate}
   */
  tr = (key, values) => {
    const text = this.#texts[key];
    if (text === undefined) return key;
    return values ? text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole)) : text;
  };
}

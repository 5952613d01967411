// The tools at the top: language, theme, link, export, help.

import { announce, byId, h, icon } from './dom.js';
import { ICONS } from './icons.js';

/**
 * @import { ThemeName } from './stage/theme.js'
 * @import { Language, Translate, Translator } from './translator.js'
 *
 * @typedef {object} Actions
 * @property {(language: Language) => void} language
 * @property {(theme: ThemeName) => void} theme
 * @property {() => void} writeLink brings the address up to date
 * @property {() => void} save
 * @property {() => void} help
 */

/** How long a word is shown, in milliseconds. */
const FLASH_MS = 2200;

/**
 * Picks the theme: what the visitor chose, otherwise the system's.
 * @param {string | undefined} chosen
 * @returns {ThemeName}
 */
export function themeOf(chosen) {
  if (chosen === 'dark' || chosen === 'light') return chosen;
  return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
}

/**
 * Builds the tools.
 * @param {Translator} translator
 * @param {ThemeName} theme the theme that is in force
 * @param {Actions} actions
 */
export function buildTools({ tr, language }, theme, actions) {
  const chinese = language === 'zh';
  const dark = theme === 'dark';
  const tool = (
    /** @type {keyof typeof ICONS} */ name,
    /** @type {string} */ id,
    /** @type {() => void} */ onclick,
  ) => {
    const label = tr(`tools.${id}`);
    return h(
      'button',
      { type: 'button', class: 'quiet', id: `tool-${id}`, 'aria-label': label, title: label, onclick },
      icon(ICONS[name]),
    );
  };
  const onclick = () => actions.language(chinese ? 'en' : 'zh');
  byId('tools').replaceChildren(
    h(
      'button',
      { type: 'button', class: 'quiet', id: 'tool-lang', lang: chinese ? 'en' : 'zh-CN', onclick },
      chinese ? 'English' : '中文',
    ),
    tool(dark ? 'sun' : 'moon', dark ? 'light' : 'dark', () => actions.theme(dark ? 'light' : 'dark')),
    tool('link', 'link', () => void copyLink(tr, actions)),
    tool('save', 'export', () => actions.save()),
    tool('help', 'help', () => actions.help()),
  );
}

/** @param {Translate} tr @param {Actions} actions */
async function copyLink(tr, actions) {
  actions.writeLink();
  try {
    await navigator.clipboard.writeText(location.href);
    announce(tr('tools.copied'));
    flash(tr('tools.copied'));
  } catch {
    // Where the clipboard is not allowed, the address bar has the link.
    flash(tr('tools.inAddress'));
  }
}

/**
 * Shows a word that goes away by itself; screen readers hear of it elsewhere.
 * @param {string} text
 */
function flash(text) {
  document.querySelector('.flash')?.remove();
  const note = h('p', { class: 'flash', 'aria-hidden': 'true' }, text);
  document.body.append(note);
  setTimeout(() => note.remove(), FLASH_MS);
}

/** Shows the keys in a dialog. @param {Translate} tr */
export function showHelp(tr) {
  const keys = [
    [tr('key.space'), 'play'],
    ['← →', 'step'],
    ['⇧← ⇧→', 'notable'],
    ['Home End', 'ends'],
    ['− +', 'speed'],
    ['F', 'fork'],
    ['[ ]', 'select'],
    ['?', 'help'],
  ];
  const rows = keys.map(([key, name]) =>
    h(
      'tr',
      {},
      h('th', { scope: 'row' }, ...key.split(' ').flatMap((part) => [h('kbd', {}, part), ' '])),
      h('td', {}, tr(`help.${name}`)),
    ),
  );
  const dialog = h(
    'dialog',
    { class: 'dialog', 'aria-labelledby': 'help-title', onclose: () => void dialog.remove() },
    h('h2', { id: 'help-title' }, tr('help.title')),
    h('p', {}, tr('help.intro')),
    h('table', {}, h('tbody', {}, ...rows)),
    h('form', { method: 'dialog' }, h('button', { class: 'primary' }, tr('help.close'))),
  );
  document.body.append(dialog);
  dialog.showModal();
}

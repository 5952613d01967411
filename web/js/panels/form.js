// A form for the parameters of a run.

import { h } from '../dom.js';
import { PATTERNS } from '../generated/layout.js';
import { PARAMETERS } from '../generated/parameters.js';
import { read, write } from '../parameters.js';

/**
 * @import { Parameter } from '../generated/parameters.js'
 * @import { SimulationParameters } from '../protocol.js'
 * @import { Translate } from '../translator.js'
 * @import { Value } from '../parameters.js'
 *
 * @typedef {object} Options
 * @property {(params: SimulationParameters) => void} onchange
 * @property {string[]} [without] parameters without a field: by name, or all of `work`
 * @property {boolean} [pattern] whether a pattern can be chosen
 */

export class ParamsForm {
  /** @param {SimulationParameters} params @param {Translate} tr @param {Options} options */
  constructor(params, tr, { onchange, without = [], pattern = true }) {
    this.params = params;
    this.tr = tr;
    this.onchange = onchange;
    this.fields = PARAMETERS.filter(({ name }) => !without.includes(name) && !without.includes(name.split('.')[0]));
    this.choosesPattern = pattern;
    const onsubmit = (/** @type {Event} */ event) => event.preventDefault();
    this.element = h('form', { class: 'params', onsubmit });
    this.build();
  }

  /** @param {SimulationParameters} params */
  set(params) {
    this.params = params;
    this.build();
  }

  build() {
    const groups = /** @type {const} */ (['run', 'work', 'failure']).map((group) => this.group(group));
    if (this.choosesPattern) groups.unshift(this.patterns());
    this.element.replaceChildren(...groups.filter((group) => group !== null));
  }

  /** @param {Parameter['group']} group */
  group(group) {
    const fields = this.fields.filter((field) => field.group === group && this.applies(field));
    if (fields.length === 0) return null;
    return h('fieldset', {}, h('legend', {}, this.tr(`params.${group}`)), ...fields.map((field) => this.field(field)));
  }

  /** Says whether a parameter means anything here. @param {Parameter} field */
  applies({ pattern }) {
    return !pattern || !this.choosesPattern || pattern === this.params.pattern;
  }

  patterns() {
    const { tr, params } = this;
    const choices = PATTERNS.map((name) => {
      const onchange = () => this.change('pattern', name, true);
      const chosen = name === params.pattern;
      return h(
        'label',
        { class: 'choice' },
        h('input', { type: 'radio', name: 'pattern', value: name, '.checked': chosen, onchange }),
        h('span', {}, tr(`pattern.${name}`)),
      );
    });
    return h(
      'fieldset',
      { class: 'patterns' },
      h('legend', {}, tr('params.pattern')),
      h('div', { class: 'choices' }, ...choices),
      h('p', { class: 'note' }, tr(`advice.${params.pattern}`)),
    );
  }

  /** Reads the value of a field; without one, the preset counts. @param {Parameter} field */
  value({ name, preset }) {
    return read(this.params, name) ?? preset;
  }

  /** @param {Parameter} field */
  field(field) {
    if (field.kind === 'switch') return this.switch(field);
    if (field.kind === 'range') return this.range(field);
    const { name, kind, preset } = field;
    const value = /** @type {number | undefined} */ (this.value(field));
    const id = idOf(field);
    const scale = kind === 'permille' ? 10 : 1;
    const change = (/** @type {number | undefined} */ next) =>
      this.change(name, next !== undefined && scale > 1 ? Math.round(next * scale) : next);
    const shown = value === undefined ? undefined : value / scale;
    return h(
      'label',
      { class: 'field', for: id },
      h('span', {}, this.tr(`param.${name}`)),
      this.number(field, id, shown, change, { optional: preset === undefined }),
    );
  }

  /** @param {Parameter} field */
  switch(field) {
    const { name } = field;
    const id = idOf(field);
    const box = h('input', {
      type: 'checkbox',
      id,
      '.checked': this.value(field) !== false,
      onchange: () => void this.change(name, box.checked),
    });
    return h('label', { class: 'field switch', for: id }, h('span', {}, this.tr(`param.${name}`)), box);
  }

  /** @param {Parameter} field */
  range(field) {
    const label = this.tr(`param.${field.name}`);
    const bounds = () => /** @type {[number, number]} */ (this.value(field) ?? [0, 0]);
    const change = (/** @type {[number, number]} */ next) => this.change(field.name, next, true);
    const [low, high] = bounds();
    const least = this.number(
      field,
      `${idOf(field)}-low`,
      low,
      (next = 0) => change([next, Math.max(next, bounds()[1])]),
      {
        label: `${label}: ${this.tr('param.least')}`,
      },
    );
    const most = this.number(
      field,
      `${idOf(field)}-high`,
      high,
      (next = 0) => change([Math.min(next, bounds()[0]), next]),
      {
        label: `${label}: ${this.tr('param.most')}`,
      },
    );
    return h(
      'div',
      { class: 'field', role: 'group', 'aria-label': label },
      h('span', {}, label),
      h('span', { class: 'pair' }, least, '–', most),
    );
  }

  /**
   * @param {Parameter} field
   * @param {string} id
   * @param {number | undefined} value
   * @param {(value: number | undefined) => void} change
   * @param {{label?: string, optional?: boolean}} options
   */
  number({ kind, min, max, name }, id, value, change, { label, optional }) {
    const scale = kind === 'permille' ? 10 : 1;
    const input = h('input', {
      type: 'number',
      id,
      min: min / scale,
      max: max / scale,
      step: 1 / scale,
      value: value ?? '',
      required: !optional,
      inputmode: 'decimal',
      placeholder: optional ? this.tr(`param.${name}.default`) : undefined,
      'aria-label': label,
      onchange: () => {
        const bad = !input.checkValidity();
        input.setAttribute('aria-invalid', String(bad));
        if (bad) input.reportValidity();
        else change(input.value === '' ? undefined : Number(input.value));
      },
    });
    return input;
  }

  /** @param {string} name @param {Value | string} value @param {boolean} [rebuild] */
  change(name, value, rebuild = false) {
    this.params = write(this.params, name, value);
    if (rebuild) this.rebuild();
    this.onchange(this.params);
  }

  /** Builds the form anew; the focus stays where it is. */
  rebuild() {
    const focused = document.activeElement;
    const again = focused?.id || (focused instanceof HTMLInputElement && focused.value);
    this.build();
    if (!again) return;
    const found = document.getElementById(again) ?? this.element.querySelector(`[value="${again}"]`);
    if (found instanceof HTMLElement) found.focus();
  }
}

/** @param {Parameter} field */
function idOf({ name }) {
  return `param-${name.replace('.', '-')}`;
}

// A form for the parameters of a run.

import { h } from '../dom.js';
import { t } from '../i18n.js';
import { DEFAULTS, FIELDS, read, write } from '../params.js';
import { PATTERNS } from '../snapshot.js';

/**
 * @typedef {import('../params.js').Field} Field
 */

export class ParamsForm {
  /**
   * @param {any} params
   * @param {{onchange: (params: any) => void, without?: string[], pattern?: boolean}} options
   */
  constructor(params, { onchange, without = [], pattern = true }) {
    this.params = params;
    this.onchange = onchange;
    this.fields = FIELDS.filter(({ name }) => !without.includes(name) && !without.includes(name.split('.')[0]));
    this.pattern = pattern;
    this.element = h('form', { class: 'params', onsubmit: (/** @type {Event} */ event) => event.preventDefault() });
    this.build();
  }

  /** @param {any} params */
  set(params) {
    this.params = params;
    this.build();
  }

  build() {
    const groups = /** @type {const} */ (['run', 'work', 'failure']).map((group) => {
      const fields = this.fields.filter(
        (field) =>
          field.group === group && (!field.patterns || !this.pattern || field.patterns.includes(this.params.pattern)),
      );
      return (
        fields.length > 0 &&
        h('fieldset', {}, h('legend', {}, t(`params.${group}`)), ...fields.map((field) => this.field(field)))
      );
    });
    this.element.replaceChildren(
      ...(this.pattern ? [this.patterns()] : []),
      ...groups.filter((group) => group !== false),
    );
  }

  patterns() {
    return h(
      'fieldset',
      { class: 'patterns' },
      h('legend', {}, t('params.pattern')),
      h(
        'div',
        { class: 'choices' },
        ...PATTERNS.map((name) =>
          h(
            'label',
            { class: 'choice' },
            h('input', {
              type: 'radio',
              name: 'pattern',
              value: name,
              '.checked': name === this.params.pattern,
              onchange: () => this.change('pattern', name, true),
            }),
            h('span', {}, t(`pattern.${name}`)),
          ),
        ),
      ),
      h('p', { class: 'note' }, t(`advice.${this.params.pattern}`)),
    );
  }

  /** What is left out is as usual. @param {Field} field */
  value({ name, optional }) {
    return read(this.params, name) ?? (optional ? undefined : read(DEFAULTS, name));
  }

  /** @param {Field} field */
  field(field) {
    const { name, kind, optional } = field;
    const value = this.value(field);
    const id = `param-${name.replace('.', '-')}`;
    if (kind === 'switch') {
      return h(
        'label',
        { class: 'field switch', for: id },
        h('span', {}, t(`param.${name}`)),
        h('input', {
          type: 'checkbox',
          id,
          '.checked': value !== false,
          onchange: (/** @type {Event} */ event) =>
            this.change(name, /** @type {HTMLInputElement} */ (event.target).checked),
        }),
      );
    }
    if (kind === 'range') {
      const [low, high] = value ?? [0, 0];
      return h(
        'div',
        { class: 'field', role: 'group', 'aria-label': t(`param.${name}`) },
        h('span', {}, t(`param.${name}`)),
        h(
          'span',
          { class: 'pair' },
          this.number(
            field,
            `${id}-low`,
            low,
            (next) => this.change(name, [next, Math.max(next ?? 0, this.value(field)[1])], true),
            `${t(`param.${name}`)}: ${t('param.least')}`,
          ),
          '–',
          this.number(
            field,
            `${id}-high`,
            high,
            (next) => this.change(name, [Math.min(next ?? 0, this.value(field)[0]), next], true),
            `${t(`param.${name}`)}: ${t('param.most')}`,
          ),
        ),
      );
    }
    const shown = kind === 'permille' && value !== undefined ? value / 10 : value;
    const change = (/** @type {number | undefined} */ next) =>
      this.change(name, kind === 'permille' && next !== undefined ? Math.round(next * 10) : next);
    return h(
      'label',
      { class: 'field', for: id },
      h('span', {}, t(`param.${name}`)),
      this.number(field, id, shown, change, undefined, optional),
    );
  }

  /**
   * @param {Field} field @param {string} id @param {number | undefined} value @param {(value: number | undefined) => void} change
   * @param {string} [label] @param {boolean} [optional]
   */
  number({ kind, min = 0, max = 1e9, name }, id, value, change, label, optional) {
    const [least, most] = kind === 'permille' ? [min / 10, max / 10] : [min, max];
    const input = h('input', {
      type: 'number',
      id,
      min: least,
      max: most,
      step: kind === 'permille' ? 0.1 : 1,
      value: value ?? '',
      required: !optional,
      inputmode: 'decimal',
      placeholder: optional ? t(`param.${name}.default`) : undefined,
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

  /** @param {string} name @param {any} value @param {boolean} [rebuild] */
  change(name, value, rebuild = false) {
    this.params = write(this.params, name, value);
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement : null;
    const again = focused?.id || (focused instanceof HTMLInputElement && focused.value);
    if (rebuild) this.build();
    if (rebuild && again)
      (
        document.getElementById(again) ??
        /** @type {HTMLElement | null} */ (this.element.querySelector(`[value="${again}"]`))
      )?.focus();
    this.onchange(this.params);
  }
}

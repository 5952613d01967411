// The crate's source code as the build has cut it, loaded when the panel is first looked at.

/**
 * @typedef {{file: string, title?: string, first_line: number, lines: string[]}} Section
 * @typedef {{sections: Section[], marks: Record<string, [number, number]>}} Source the code of a
 *   pattern or program, and which event lights which line: section and line number
 */

export class Sources {
  /** @type {Promise<Record<string, Source>> | null} */
  #loaded = null;

  /**
   * Loads the source of a pattern or program; undefined where there is none.
   * @param {string} name
   */
  async of(name) {
    // Without the file, the page goes on without code.
    this.#loaded ??= fetch(new URL('../code.json', import.meta.url))
      .then((response) => response.json())
      .catch(() => ({}));
    return (await this.#loaded)[name];
  }
}

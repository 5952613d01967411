export class Charts {
  /** @param {HTMLElement} box @param {import('../session.js').Session} session */
  constructor(box, session) {
    this.box = box;
    this.session = session;
  }
}

/**
 * The page's end of the worker: questions become promises.
 */
export class Client {
  /**
   * @param {() => void} body the worker's script
   * @param {(message: {run: number, looks: any[], resting: boolean}) => void} onLooks
   */
  constructor(body, onLooks) {
    // A page that was opened as a file may start a worker from a Blob only.
    const script = new Blob([`(${body})()`], { type: "text/javascript" });
    this.worker = new Worker(URL.createObjectURL(script));
    this.waiting = new Map();
    this.count = 0;
    this.onLooks = onLooks;
    this.worker.onmessage = ({ data }) => this.hear(data);
    this.worker.onerror = (event) => {
      for (const { reject } of this.waiting.values()) reject(new Error(event.message));
      this.waiting.clear();
    };
  }

  hear(data) {
    if (data.type === "looks") return this.onLooks(data);
    const { resolve, reject } = this.waiting.get(data.id) ?? {};
    this.waiting.delete(data.id);
    if (data.type === "failed") reject?.(new Error(data.message));
    else resolve?.(data.value);
  }

  /** Say something that needs no answer. */
  tell(type, content = {}) {
    this.worker.postMessage({ type, ...content });
  }

  /**
   * Ask for something.
   * @returns {Promise<any>} the answer
   */
  ask(type, content = {}) {
    const id = ++this.count;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ type, id, ...content });
    });
  }
}

// One Grafana dashboard in its classic JSON, drawn by Grafana's front-end libraries with the answers of a Prometheus.
//
// The page around it says where and what: window.PROMETHEUS, window.DASHBOARD, window.LOCALE. Everything that was asked
// is noted in window.asked. What Grafana's application brings beside its libraries (registries, services, the panels'
// plug-ins, the reading of the classic JSON) stands in here; looks, units, thresholds, transformations and links are
// Grafana's own. Modules are required and not imported: two forms of one module would be two singletons.

require('@fontsource/inter/400.css');
require('@fontsource/inter/500.css');
const React = require('react');
const { createRoot } = require('react-dom/client');
const { MemoryRouter } = require('react-router-dom');
const { from, map, of } = require('rxjs');
const data = require('@grafana/data');
const i18n = require('@grafana/i18n');
const runtime = require('@grafana/runtime');
const scenes = require('@grafana/scenes');
const ui = require('@grafana/ui');

const element = React.createElement;
const theme = data.createTheme({ colors: { mode: 'light' } });
window.asked = [];

// ------------------------------------------------------------------------------------- what the application registers

const property = (id, process, defaultValue) => ({
  id, path: id, name: id, process, override: process, defaultValue,
  editor: () => null, shouldApply: () => true, getItemsCount: () => 0, settings: {},
});
data.standardFieldConfigEditorRegistry.setInit(() => [
  property('unit', data.unitOverrideProcessor),
  property('min', data.numberOverrideProcessor),
  property('max', data.numberOverrideProcessor),
  property('decimals', data.numberOverrideProcessor),
  property('displayName', data.displayNameOverrideProcessor),
  property('noValue', data.stringOverrideProcessor),
  property('color', data.identityOverrideProcessor, { mode: 'thresholds' }),
  property('thresholds', data.thresholdsOverrideProcessor, { mode: 'absolute', steps: [{ value: -Infinity, color: 'green' }] }),
  property('mappings', data.valueMappingsOverrideProcessor, []),
  property('links', data.dataLinksOverrideProcessor),
]);
data.standardTransformersRegistry.setInit(() => {
  const each = new Map(Object.values(data.standardTransformers).map((one) => [one.id, one]));
  return [...each.values()].map((one) => ({ id: one.id, name: one.name, transformation: one, editor: () => null }));
});

// --------------------------------------------------------------------------------------------------------- Prometheus

async function ask(path, question) {
  const answer = await (await fetch(`${window.PROMETHEUS}/api/v1/${path}?${new URLSearchParams(question)}`)).json();
  if (answer.status !== 'success') {
    throw new Error(`${answer.error}: ${question.query}`);
  }
  return answer.data;
}

const several = (value) => (Array.isArray(value) ? value.join('|') : value);
const called = (labels, legend) => legend.replace(/{{\s*(\w+)\s*}}/g, (_, name) => labels[name] ?? '');

async function answers(target, range, scopedVars) {
  const [start, end] = [range.from, range.to].map((one) => one.valueOf() / 1000);
  const step = Math.max(60, Math.ceil((end - start) / 800 / 60) * 60);
  const query = scenes.sceneGraph.interpolate(window.scene, target.expr, scopedVars, several);
  const found = target.range ? await ask('query_range', { query, start, end, step }) : await ask('query', { query, time: end });
  window.asked.push({ expr: query, series: found.result.length });
  return target.format === 'table' ? [rows(target.refId, found.result)] : found.result.map((one) => line(target, one));
}

function line(target, { metric, values, value }) {
  const told = values ?? [value];
  const displayNameFromDS = called(metric, target.legendFormat);
  return data.toDataFrame({
    refId: target.refId,
    fields: [
      { name: 'Time', type: 'time', config: {}, values: told.map(([at]) => at * 1000) },
      { name: 'Value', type: 'number', labels: metric, config: { displayNameFromDS }, values: told.map(([, one]) => Number(one)) },
    ],
  });
}

function rows(refId, result) {
  const labels = [...new Set(result.flatMap((one) => Object.keys(one.metric)))].filter((name) => name !== '__name__');
  return data.toDataFrame({
    refId,
    fields: [
      { name: 'Time', type: 'time', config: {}, values: result.map((one) => one.value[0] * 1000) },
      ...labels.map((name) => ({ name, type: 'string', config: {}, values: result.map((one) => one.metric[name] ?? '') })),
      { name: `Value #${refId}`, type: 'number', config: {}, values: result.map((one) => Number(one.value[1])) },
    ],
  });
}

class Prometheus extends scenes.RuntimeDataSource {
  query(request) {
    const each = request.targets.map((target) => answers(target, request.range, request.scopedVars));
    return from(Promise.all(each).then((found) => ({ data: found.flat() })));
  }

  async metricFindQuery({ query }) {
    const [, series, label] = /label_values\((\w+), (\w+)\)/.exec(query);
    return (await ask(`label/${label}/values`, { 'match[]': series })).map((text) => ({ text }));
  }
}

// ------------------------------------------------------------------------------------------- the application's services

const source = new Prometheus('prometheus', 'prometheus');
const settings = {
  id: 1, uid: 'prometheus', type: 'prometheus', name: 'Prometheus', jsonData: {},
  meta: { id: 'prometheus', name: 'Prometheus', info: { logos: {} } },
};
source.meta = settings.meta;
Object.assign(runtime.config, {
  theme2: theme,
  bootData: {
    user: { timezone: 'browser', weekStart: 'monday', orgRole: 'Viewer', locale: window.LOCALE, language: window.LOCALE },
    settings: {},
    navTree: [],
  },
});
runtime.setDataSourceSrv({
  get: async () => source, getList: () => [settings], getInstanceSettings: () => settings, reload() {}, registerRuntimeDataSource() {},
});
runtime.setRunRequest((asked, request) => asked.query(request).pipe(
  map((answer) => ({ state: 'Done', series: answer.data, annotations: [], timeRange: request.range, request })),
));
runtime.setAppEvents(new data.EventBusSrv());
runtime.setEchoSrv({ addEvent() {}, addBackend() {}, flush() {} });
runtime.setTemplateSrv({ getVariables: () => [], replace: (text) => text });
runtime.setBackendSrv({ get: async () => ({}), fetch: () => of({ data: {} }) });
runtime.setPluginImportUtils({
  importPanelPlugin: async () => { throw new Error('a panel of a kind that is not registered here'); },
  getPanelPluginFromCache: () => undefined,
});

// ------------------------------------------------------------------------------------------------------------- panels

const values = (props) => data.getFieldDisplayValues({
  data: props.data.series, fieldConfig: props.fieldConfig, reduceOptions: props.options.reduceOptions,
  replaceVariables: props.replaceVariables, timeZone: props.timeZone, theme,
});

const Repeated = ({ props, draw, ...more }) => element(ui.VizRepeater, {
  source: props.data, getValues: () => values(props), getAlignmentFactors: data.getDisplayValueAlignmentFactors,
  width: props.width, height: props.height, renderCounter: 0,
  renderValue: (one) => draw({ ...one, value: one.value.display, field: one.value.field, theme }), ...more,
});

const Stat = (props) => element(Repeated, {
  props, orientation: 'auto', autoGrid: true,
  draw: (one) => element(ui.BigValue, { ...one, ...props.options }),
});

const Bars = (props) => element(Repeated, {
  props, ...props.options, itemSpacing: 8,
  draw: (one) => element(ui.BarGauge, { ...one, ...props.options, valueDisplayMode: props.options.valueMode, itemSpacing: 8, lcdCellWidth: 12 }),
});

const Lines = (props) => element(ui.TimeSeries, {
  frames: props.data.series, structureRev: 1, timeRange: props.timeRange, timeZone: 'browser',
  width: props.width, height: props.height, legend: props.options.legend, options: props.options,
});

const Cells = (props) => props.data.series[0] && element(ui.Table, {
  data: props.data.series[0], width: props.width, height: props.height, cellHeight: props.options.cellHeight,
  initialSortBy: props.options.sortBy, timeRange: props.timeRange, resizable: false,
});

// Each property of a panel's own has to be known before a dashboard may set it.
function register(pluginId, component, own = {}, more = []) {
  const useCustomConfig = (builder) => [...Object.keys(own), ...more].forEach((id) => builder.addCustomEditor(
    property(id, data.identityOverrideProcessor, own[id]),
  ));
  scenes.sceneUtils.registerRuntimePanelPlugin({
    pluginId, plugin: new data.PanelPlugin(component).useFieldConfig({ useCustomConfig }),
  });
}

register('stat', Stat);
register('bargauge', Bars);
register('timeseries', Lines, {
  drawStyle: 'line', lineWidth: 1, pointSize: 5, fillOpacity: 0, gradientMode: 'none', axisPlacement: 'auto', axisColorMode: 'text',
  hideFrom: { tooltip: false, viz: false, legend: false }, scaleDistribution: { type: 'linear' }, stacking: { mode: 'none', group: 'A' },
}, ['lineInterpolation', 'showPoints', 'spanNulls', 'fillBelowTo', 'lineStyle', 'axisSoftMin', 'axisSoftMax']);
register('table', Cells, { align: 'auto', cellOptions: { type: 'auto' }, filterable: false, minWidth: 50 }, ['width', 'hidden']);

// -------------------------------------------------------------------------------------------------- classic JSON → scene

function variable({ name, label, hide, type, query, multi, includeAll, allValue, sort, refresh, current, datasource }) {
  if (type === 'datasource') {
    return new scenes.DataSourceVariable({ name, label, hide, pluginId: query });
  }
  if (type === 'constant') {
    return new scenes.ConstantVariable({ name, label, hide, value: query });
  }
  return new scenes.QueryVariable({
    name, label, hide, datasource, query, isMulti: multi, includeAll, allValue, sort, refresh, value: current.value, text: current.text,
  });
}

function body({ title, description, type, options, fieldConfig, targets, transformations }) {
  const asked = new scenes.SceneQueryRunner({ queries: targets, datasource: { type: 'prometheus', uid: 'prometheus' } });
  const $data = transformations ? new scenes.SceneDataTransformer({ $data: asked, transformations }) : asked;
  return new scenes.VizPanel({ title, description, pluginId: type, options, fieldConfig, $data });
}

function grid(panels) {
  const before = [];
  const headings = [];
  for (const { gridPos: { x, y, w, h }, ...panel } of panels) {
    if (panel.type === 'row') {
      headings.push({ y, title: panel.title, children: [] });
    } else {
      const item = new scenes.SceneGridItem({ x, y, width: w, height: h, body: body(panel) });
      (headings.at(-1)?.children ?? before).push(item);
    }
  }
  return [...before, ...headings.map((one) => new scenes.SceneGridRow(one))];
}

async function main() {
  // Text is measured before it is drawn.
  await Promise.all(['400 14px Inter', '500 14px Inter'].map((font) => document.fonts.load(font)));
  await i18n.initPluginTranslations('grafana-scenes', [scenes.loadResources]);
  const { panels, templating, time } = window.DASHBOARD;
  window.scene = new scenes.EmbeddedScene({
    $timeRange: new scenes.SceneTimeRange(time),
    $variables: new scenes.SceneVariableSet({ variables: templating.list.map(variable) }),
    controls: [new scenes.VariableValueSelectors({})],
    body: new scenes.SceneGridLayout({ children: grid(panels), isDraggable: false, isResizable: false }),
  });
  const drawn = element(window.scene.Component, { model: window.scene });
  const located = element(runtime.LocationServiceProvider, { service: runtime.locationService }, element(ui.GlobalStyles), drawn);
  const themed = element(data.ThemeContext.Provider, { value: theme }, located);
  createRoot(document.getElementById('root')).render(element(MemoryRouter, null, themed));
}

main();

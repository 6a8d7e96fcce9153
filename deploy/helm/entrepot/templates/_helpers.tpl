{{- define "entrepot.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "entrepot.selector" -}}
app.kubernetes.io/name: entrepot
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "entrepot.labels" -}}
{{ include "entrepot.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "entrepot.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{- define "entrepot.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* What both containers see. */}}
{{- define "entrepot.mounts" -}}
- {name: config, mountPath: /etc/entrepot, readOnly: true}
- {name: data, mountPath: /var/lib/entrepot}
- {name: tmp, mountPath: /tmp}
{{- if eq .Values.log.kind "kafka" }}
{{- if .Values.snapshots.existingClaim }}
- {name: snapshots, mountPath: /var/lib/entrepot-snapshots}
{{- else }}
- {name: data, mountPath: /var/lib/entrepot-snapshots, subPath: snapshots}
{{- end }}
{{- end }}
{{- if .Values.log.kafka.secretName }}
- {name: secrets, mountPath: /run/secrets/entrepot, readOnly: true}
{{- end }}
{{- if .Values.schemaRegistry.secretName }}
- {name: registry, mountPath: /run/secrets/schema-registry, readOnly: true}
{{- end }}
{{- end -}}

{{- define "entrepot.env" -}}
# What is run by hand in the pod reads the same configuration.
- {name: ENTREPOT_CONFIG, value: /etc/entrepot/entrepot.toml}
# Stable over restarts of a pod: names its transactions and its static membership.
- name: ENTREPOT__SERVICE__INSTANCE
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- {name: ENTREPOT__SERVICE__HTTP_LISTEN, value: "0.0.0.0:9464"}
- {name: ENTREPOT__SERVICE__DRAIN_TIMEOUT_SECONDS, value: {{ .Values.drainTimeoutSeconds | quote }}}
- {name: ENTREPOT__ASSESS__STATE_BYTES_MAX, value: {{ .Values.stateBytesMax | quote }}}
- {name: ENTREPOT__TOPICS__REPLICATION_FACTOR, value: {{ .Values.topics.replicationFactor | quote }}}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

"""Settings, all from the environment; `docs/settings.md` lists every variable.

`ASSAY_ENV` is `production` unless it says `development`: whoever forgets it gets the strict side, where a missing
secret, a development key or DEBUG stops the start (`governance.service.system_checks`).
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE

from governance.service.unfold import UNFOLD  # noqa: F401  (a setting of the admin theme)

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

ASSAY_ENV = env.str("ASSAY_ENV", default="production")
DEVELOPMENT = ASSAY_ENV == "development"
DEBUG = env.bool("DEBUG", default=False)

# Everything the service writes lies below this folder: database file, keys, evidence, broker messages.
ASSAY_DATA = Path(env.str("ASSAY_DATA", default=str(BASE_DIR / "var")))


def _secret_key() -> str:
    """The secret from the environment; in development one is made once and kept in the data folder."""
    given: str = env.str("SECRET_KEY", default="")
    if given or not DEVELOPMENT:
        return given
    path = ASSAY_DATA / "development-secret"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with path.open("x") as stream:
            path.chmod(0o600)
            stream.write("development-" + secrets.token_urlsafe(48))
    except FileExistsError:
        pass
    return path.read_text()


SECRET_KEY = _secret_key()
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"] if DEVELOPMENT else [])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.guardian",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "axes",
    "csp",
    "guardian",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "registry.apps.RegistryConfig",
    "audits.apps.AuditsConfig",
    "governance.apps.GovernanceConfig",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "governance.edge.RefusalsTold",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "governance.service.language.Language",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "governance.urls"
WSGI_APPLICATION = "governance.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# -- Database ---------------------------------------------------------------------------------------------------------
DATABASES: dict[str, dict[str, Any]] = {
    "default": env.db_url("DATABASE_URL", default=f"sqlite:///{ASSAY_DATA / 'assay.sqlite3'}"),
}
_database = DATABASES["default"]
if _database["ENGINE"] == "django.db.backends.sqlite3":
    # IMMEDIATE and a timeout: with Django's deferred default two writers that both read first fail with "locked".
    _database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; "
        # What was erased is overwritten, not only unlinked. REPLACE deletes a row, which only so meets its trigger.
        "PRAGMA secure_delete=ON; PRAGMA recursive_triggers=ON;",
    }
    # A shared-cache memory database knows neither WAL nor waiting; tests must meet what production meets.
    _database["TEST"] = {"NAME": str(ASSAY_DATA / "test.sqlite3")}
else:
    _database.setdefault("CONN_MAX_AGE", 60)
    _database["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# -- People -----------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "registry.Person"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "guardian.backends.ObjectPermissionBackend",
]
ANONYMOUS_USER_NAME = None
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign-in"
AXES_FAILURE_LIMIT = env.int("ASSAY_LOGIN_FAILURES", default=10)
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
AXES_LOCKOUT_TEMPLATE = "pages/locked.html"

# -- Transport --------------------------------------------------------------------------------------------------------
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=not DEVELOPMENT)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("ASSAY_BEHIND_PROXY", default=False) else None
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=0 if DEVELOPMENT else 31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = not DEVELOPMENT
SECURE_HSTS_PRELOAD = not DEVELOPMENT
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEVELOPMENT
SESSION_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
# The admin theme's Alpine.js evaluates expressions; pages where people decide are strict (governance.pages).
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, UNSAFE_EVAL, UNSAFE_INLINE],
        "style-src": [SELF, UNSAFE_INLINE],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}
DATA_UPLOAD_MAX_MEMORY_SIZE = env.int("ASSAY_MAX_BODY_BYTES", default=5 * 1024 * 1024)
ASSAY_MAX_ARTIFACT_BYTES = env.int("ASSAY_MAX_ARTIFACT_BYTES", default=512 * 1024 * 1024)

# -- Static files, time, language -------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = ASSAY_DATA / "static"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEVELOPMENT
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = True
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "locale"]

# -- Work queue: the database row is the truth, the message only wakes a worker (registry.work) -----------------------
_broker_folder = ASSAY_DATA / "broker"
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="filesystem://")
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_TASK_DEFAULT_QUEUE = "assay"
CELERY_TIMEZONE = "UTC"
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {}
if CELERY_BROKER_URL.startswith("filesystem"):
    CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(_broker_folder / "messages"),
        "data_folder_out": str(_broker_folder / "messages"),
        "control_folder": str(_broker_folder / "control"),
        "polling_interval": 0.1,
    }
elif CELERY_BROKER_URL.startswith("redis"):
    CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600}
else:
    CELERY_TASK_DEFAULT_QUEUE_TYPE = "quorum"
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "registry.tasks.sweep", "schedule": env.float("ASSAY_SWEEP_SECONDS", default=10.0)},
    "deadlines": {"task": "governance.tasks.watch_deadlines", "schedule": 3600.0},
    "forget": {"task": "governance.tasks.forget", "schedule": 3600.0},
    "mlflow": {"task": "registry.tasks.pull_mlflow", "schedule": 600.0},
    "checkpoint": {"task": "registry.tasks.publish_checkpoint", "schedule": 3600.0},
}
CELERY_BEAT_SCHEDULE_FILENAME = str(ASSAY_DATA / "celerybeat-schedule")
ASSAY_LEASE_SECONDS = env.int("ASSAY_LEASE_SECONDS", default=60)
ASSAY_WORK_ATTEMPTS = env.int("ASSAY_WORK_ATTEMPTS", default=3)

# -- Evidence, keys, checks -------------------------------------------------------------------------------------------
ASSAY_STORAGE = env.str("ASSAY_STORAGE", default=str(ASSAY_DATA / "evidence"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": ASSAY_STORAGE}},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
ASSAY_KEYS = Path(env.str("ASSAY_SIGNING_KEY_FOLDER", default=str(ASSAY_DATA / "keys")))
ASSAY_SIGNER = env.str("ASSAY_SIGNER", default="file")  # or pkcs11
ASSAY_PKCS11_MODULE = env.str("ASSAY_PKCS11_MODULE", default="")
ASSAY_PKCS11_TOKEN = env.str("ASSAY_PKCS11_TOKEN", default="")
ASSAY_PKCS11_KEY = env.str("ASSAY_PKCS11_KEY", default="seal")
ASSAY_PKCS11_PIN = env.str("ASSAY_PKCS11_PIN", default="")
ASSAY_TSA_URL = env.str("ASSAY_TSA_URL", default="")
ASSAY_CHECKPOINT_FOLDER = env.str("ASSAY_CHECKPOINT_FOLDER", default="")
ASSAY_CHECKPOINT_WEBHOOKS = env.list("ASSAY_CHECKPOINT_WEBHOOKS", default=[])
ASSAY_WITNESSES = env.list("ASSAY_WITNESSES", default=[])  # each <url>|<vkey>
ASSAY_OUTBOUND_HOSTS = env.list("ASSAY_OUTBOUND_HOSTS", default=[])
ASSAY_ENDPOINT_CREDENTIALS = env.str("ASSAY_ENDPOINT_CREDENTIALS", default="")
ASSAY_MLFLOW_URLS = env.list("ASSAY_MLFLOW_URLS", default=[])
ASSAY_MLFLOW_ACTOR = env.str("ASSAY_MLFLOW_ACTOR", default="")
ASSAY_MLFLOW_WEBHOOK_SECRET = env.str("ASSAY_MLFLOW_WEBHOOK_SECRET", default="")
ASSAY_MLFLOW_TOKEN = env.str("ASSAY_MLFLOW_TOKEN", default="")
ASSAY_BASE_URL = env.str("ASSAY_BASE_URL", default="http://127.0.0.1:8000")
ASSAY_CHECKS = env.list(
    "ASSAY_CHECKS",
    default=[
        "audits.checks.fairness_group_metrics.GroupMetrics",
        "audits.checks.fairness_calibration.Calibration",
        "audits.checks.fairness_conditional_parity.ConditionalParity",
        "audits.checks.fairness_dataset_bias.DatasetBias",
        "audits.checks.fairness_impact_ratios.ImpactRatios",
        "audits.checks.fairness_multiclass.MulticlassFairness",
        "audits.checks.fairness_ranking.RankingFairness",
        "audits.checks.fairness_regression.RegressionFairness",
        "audits.checks.fairness_slices.WorstSlices",
        "audits.checks.explainability_shap.ShapExplanation",
        "audits.checks.explainability_provided.ProvidedAttributions",
        "audits.checks.explainability_change.ExplanationChange",
        "audits.checks.lineage_completeness.LineageCompleteness",
        "audits.checks.lineage_digests.Digests",
        "audits.checks.lineage_leakage.Leakage",
        "audits.checks.lineage_purpose.Purpose",
        "audits.checks.lineage_special_categories.SpecialCategories",
        "audits.checks.data_quality_columns.ColumnQuality",
        "audits.checks.performance_metrics.PerformanceMetrics",
        "audits.checks.performance_comparison.PerformanceComparison",
        "audits.checks.robustness_perturbation.Perturbation",
    ],
)
ASSAY_RISK_ACCEPTANCE_DAYS = env.int("ASSAY_RISK_ACCEPTANCE_DAYS", default=180)
ASSAY_DELEGATION_DAYS = env.int("ASSAY_DELEGATION_DAYS", default=60)
ASSAY_IDEMPOTENCY_HOURS = env.int("ASSAY_IDEMPOTENCY_HOURS", default=48)
ASSAY_TOKEN_DAYS = env.int("ASSAY_TOKEN_DAYS", default=90)

# -- REST -------------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "governance.api.authentication.TokenAuthentication",
        "governance.api.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["governance.api.permissions.ScopedAccess"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "governance.api.pagination.Pages",
    "PAGE_SIZE": 50,
    "DEFAULT_FILTER_BACKENDS": [
        "django_filters.rest_framework.DjangoFilterBackend",
        "rest_framework.filters.OrderingFilter",
    ],
    "EXCEPTION_HANDLER": "governance.api.problems.exception_response",
    "DEFAULT_VERSIONING_CLASS": None,
    "COERCE_DECIMAL_TO_STRING": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Assay",
    "DESCRIPTION": "May this exact model version go to this stage, who said so, on what evidence, under which rules?",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "PromotionState": "governance.models.PromotionRequest.State",
        "RunState": "audits.models.AuditRun.State",
        "FindingOutcome": ["satisfied", "not-satisfied", "inconclusive", "error", "timed-out", "not-run"],
        "GateOutcome": ["open", "closed"],
    },
}

EMAIL_BACKEND = env.str("EMAIL_BACKEND", default="django.core.mail.backends.console.EmailBackend")
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="assay@localhost")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("ASSAY_LOG_LEVEL", default="WARNING")},
    "loggers": {"assay": {"level": env.str("ASSAY_LOG_LEVEL", default="INFO")}},
}
